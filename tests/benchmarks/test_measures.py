import json

import numpy as np
import pytest

from ferlite.benchmarks import accuracy, latency, report
from ferlite.models import modelfile
from ferlite.models.errors import DataError, MissingFileError, UsageError
from ferlite.models.labels import FER2013_LABELS
from ferlite.train import datasets


@pytest.fixture
def data(banded):
    """Faces that the tiny model reads right, but for one in seven; one test face is a training face."""
    images = np.stack([banded(label) for label in range(7)] * 4)
    images[:, 47] = np.arange(28)[:, None]  # all different, in a row that no band covers
    labels = np.tile(np.arange(7), 4)
    labels[labels == 6] = 5
    faces = datasets.Faces(images, labels, np.arange(28))
    test = faces[np.arange(14)]
    return datasets.Dataset("bands", FER2013_LABELS, {"train": faces[np.arange(13, 28)], "test": test}, "d" * 64)


@pytest.fixture
def pair(tmp_path, graph, record):
    """Two models that know the same labels; the second swaps two."""
    labels = ("disgust", "angry", *FER2013_LABELS[2:])
    return [
        modelfile.write(tmp_path / "a.tflite", graph, record),
        modelfile.write(tmp_path / "b.tflite", graph, record.with_(name="swapped", labels=labels)),
    ]


def test_scores_intervals_and_the_pair_are_what_they_must_be(pair, data):
    result = accuracy.measure(pair, data, "PrivateTest")
    first, second = result["models"]
    assert (first["count"], result["data"]["split"]) == (14, "test")
    assert first["accuracy"] == pytest.approx(12 / 14)
    assert second["accuracy"] == pytest.approx(8 / 14)
    assert second["recall"]["angry"] == 0
    (compared,) = result["pairs"]
    assert compared["agreement"] == pytest.approx(10 / 14)
    assert (compared["only_first_right"], compared["only_second_right"]) == (4, 0)
    assert compared["mcnemar_p"] == pytest.approx(0.125)
    assert compared["difference"] == pytest.approx(-4 / 14)
    assert compared["difference_interval"][1] < 0
    json.dumps(result)


def test_faces_that_are_also_in_training_are_left_out_of_a_second_table(pair, data):
    result = accuracy.measure(pair[:1], data, "test")
    assert result["without_duplicates"]["duplicates"] == 1
    assert result["without_duplicates"]["models"][0]["count"] == 13


def test_a_limit_scores_the_first_faces(pair, data):
    assert accuracy.measure(pair[:1], data, "test", limit=5)["models"][0]["count"] == 5


def test_a_label_that_a_model_lacks_is_an_error_that_names_it(tmp_path, graph, record, data):
    other = record.with_(labels=("contempt", *FER2013_LABELS[1:]))
    path = modelfile.write(tmp_path / "other.tflite", graph, other)
    with pytest.raises(DataError, match=r"faces labelled angry, which tiny lacks"):
        accuracy.measure([path], data, "test")


def test_a_model_is_scored_on_a_test_split_once(pair, data, tmp_path):
    log = tmp_path / "final.jsonl"
    accuracy.refuse_second_look(pair, data, log)
    accuracy.log_final(accuracy.measure(pair[:1], data, "test"), log)
    (line,) = map(json.loads, log.read_text().splitlines())
    assert line["model"] == "tiny"
    assert line["accuracy"] == pytest.approx(12 / 14)
    assert line["accuracy_without_duplicates"] == pytest.approx(12 / 13)
    with pytest.raises(UsageError, match=r"a\.tflite was scored on this test split"):
        accuracy.refuse_second_look(pair, data, log)
    accuracy.refuse_second_look(pair[1:], data, log)


def test_latency_takes_turns_and_reports_ordered_quantiles(pair):
    result = latency.measure(pair, seconds=0.0, queries=40)
    assert [row["queries"] for row in result["models"]] == [40, 40]
    for row in result["models"]:
        assert 0 < row["p50"] <= row["p90"] <= row["p99"]
        low, high = row["p50_interval"]
        assert low <= row["p50"] <= high
    assert result["pairs"][0]["median_ratio"] > 0
    assert result["runtime"].startswith("LiteRT")
    json.dumps(result)


def test_the_page_holds_the_figures_and_needs_nothing_else(pair, data, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "accuracy.json").write_text(json.dumps(accuracy.measure(pair, data, "test")))
    (folder / "latency.json").write_text(json.dumps(latency.measure(pair, seconds=0.0, queries=8)))
    page = report.write(folder, "<b>mine</b>").read_text()
    assert "85.71 %" in page
    assert "swapped" in page
    assert "&lt;b&gt;mine" in page
    assert "http" not in page
    assert "same answer on 71.4% of 14 faces" in page


def test_one_result_is_enough_for_a_page(pair, data, tmp_path):
    (tmp_path / "accuracy.json").write_text(json.dumps(accuracy.measure(pair[:1], data, "test")))
    assert "One model was measured" in report.write(tmp_path, "x").read_text()


def test_a_page_of_nothing_or_of_damaged_results_is_refused(tmp_path):
    with pytest.raises(MissingFileError, match="ferlite bench accuracy"):
        report.write(tmp_path, "x")
    (tmp_path / "accuracy.json").write_text("{")
    with pytest.raises(DataError, match=r"accuracy\.json is no JSON"):
        report.write(tmp_path, "x")
