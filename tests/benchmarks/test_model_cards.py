from pathlib import Path
from typing import Any

import pytest

from ferlite.benchmarks.model_cards import card
from ferlite.data.results.accuracy import RecordedScores
from ferlite.errors import ModelFormatError
from ferlite.models import modelfile, registry
from ferlite.models.files import sha256
from ferlite.tools.__main__ import cards


@pytest.fixture
def file(tmp_path, graph, record):
    counts = [[3 if row == column else 1 for column in range(7)] for row in range(7)]
    scores: RecordedScores = {
        "accuracy": 0.5,
        "interval": (0.4, 0.6),
        "balanced_accuracy": 0.5,
        "macro_f1": 0.5,
        "recall": dict.fromkeys(record.labels, 0.5),
        "confusion": counts,
        "calibration_error": {"before": 0.2, "after": 0.1},
    }
    accuracy = {"validation": {"count": 63, record.scheme: scores}}
    path = modelfile.write(tmp_path / "tiny.tflite", graph, record.with_(accuracy=accuracy))
    return modelfile.read(path)


def test_a_card_tells_scores_with_intervals_recall_by_label_and_the_confusions(file):
    text = card(file)
    assert f"| validation | {file.record.scheme} | 63 | 50.00% [40.0%, 60.0%] | 0.500 | 0.200 → 0.100 |" in text
    assert "| angry | 9 | 33.33% [12.1%, 64.6%] | 3 | 1 | 1 | 1 | 1 | 1 | 1 |" in text
    assert "AI Act" in text
    assert "Latency" not in text


def test_a_look_at_the_test_split_and_the_latency_are_added_where_they_are_known(file):
    look: Any = {
        "data": {"split": "test", "faces": 9}, "scheme": file.record.scheme, "accuracy": 1.0, "interval": [0.7, 1.0],
        "macro_f1": 1.0, "calibration_error": 0.03,
        "confusion": [[9 * (row == column == 2) for column in range(7)] for row in range(7)],
    }  # fmt: skip
    row: Any = {
        "name": file.record.name,
        "file": "tiny",
        "scheme": "int8",
        "bytes": 1234,
        "p50": 0.1,
        "p90": 0.2,
        "threads": 1,
    }
    machine: Any = {"machine": {"model": "CPU", "architecture": "x86_64", "cores": 2}, "runtime": "LiteRT"}
    text = card(file, [look], machine | {"models": [row | {"sha256": sha256(file.content)}]})
    assert f"| test, once | {file.record.scheme} | 9 | 100.00% [70.0%, 100.0%] | 1.000 | 0.030 |" in text
    assert "test split" in text
    assert "| fear | 9 | 100.00%" in text
    assert "| tiny | int8 | 1 | 0.100 | 0.200 |" in text
    assert "Latency" not in card(file, [], machine | {"models": [row | {"sha256": "another"}]})


def test_what_is_known_of_fer2013_stands_on_cards_of_its_models_alone(file):
    for name, of_fer2013 in (("FER+", True), ("facial_expressions", False)):
        data = {"name": name, "sha256": "0", "faces": {"train": 12, "test": 3}}
        text = card(modelfile.ModelFile(file.content, file.record.with_(data=data), file.path))
        assert f"- {name}: 12 faces" in text
        assert ("open question" in text) == ("Goodfellow" in text) == of_fer2013


def test_a_file_without_a_record_has_no_card(file, tmp_path):
    with pytest.raises(ModelFormatError, match="carries no ferlite record"):
        card(modelfile.ModelFile(file.content, None, Path("foreign.tflite")))


def test_the_pages_are_what_the_command_writes(tmp_path):
    cards(out=tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_text() for path in (registry.FOLDER / "cards").iterdir()}
