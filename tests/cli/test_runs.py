import json
import sys

import pytest

from ferlite.cli.app import main
from ferlite.train import recipes, runs


@pytest.fixture
def folder(tmp_path):
    for name in ("good", "bad"):
        (tmp_path / name).mkdir()
        recipes.Recipe(name="tiny", network="small", epochs=5).save(tmp_path / name / "recipe.toml")
    data = {"name": "faces", "path": "faces", "sha256": "0", "faces": {"train": 9}}
    info = {"recipe": "tiny", "data": data, "labels": ["happy", "sad"], "versions": {}, "epochs_done": 1}
    (tmp_path / "good/run.json").write_text(json.dumps(info))
    row = {"epoch": 1, "val_accuracy": 0.625, "seconds": 60.0, "augmentation_seconds": 3.0}
    runs.write_history(tmp_path / "good", [row])
    return tmp_path


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["ferlite", "runs", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_runs_are_listed_and_damaged_ones_named(folder, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "300")
    shown = call(monkeypatch, capsys, folder)
    assert all(text in shown for text in ("good", "1/5", "62.50%", "1.0", "5.0%"))
    assert "bad/run.json: No such file" in shown


def test_runs_are_printed_for_programs(folder, monkeypatch, capsys):
    bad, good = json.loads(call(monkeypatch, capsys, folder, "--json"))
    assert good["val_accuracy"] == 0.625
    assert "run.json" in bad["error"]
