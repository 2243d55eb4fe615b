import json

import pytest

from ferlite.errors import DataError, MissingFileError
from ferlite.train import recipes, runs

INFO = {
    "recipe": "tiny",
    "data": {"name": "faces", "path": "faces", "sha256": "0", "faces": {"train": 9}},
    "labels": ["happy", "sad"],
    "versions": {},
    "epochs_done": 2,
    "parameters": 1000,
    "macs": 2_000_000,
}
HISTORY = [
    {"epoch": 1, "loss": 1.0, "val_accuracy": 0.5, "seconds": 20.0, "augmentation_seconds": 1.0},
    {"epoch": 2, "loss": 0.9, "val_accuracy": 0.75, "seconds": 10.0, "augmentation_seconds": 2.0},
]


@pytest.fixture
def folder(tmp_path):
    """A run of two epochs, one that has just begun, damaged ones, and what is no run."""
    recipe = recipes.Recipe(name="tiny", network="small", epochs=5)
    for name in ("begun", "done", "no-recipe", "no-numbers", "short", "strange"):
        (tmp_path / name).mkdir()
        recipe.save(tmp_path / name / "recipe.toml")
        (tmp_path / name / "run.json").write_text(json.dumps(INFO))
    (tmp_path / "begun" / "run.json").write_text(json.dumps(INFO | {"epochs_done": 0}))
    runs.write_history(tmp_path / "done", HISTORY)
    runs.write_history(tmp_path / "short", HISTORY[:1])
    (tmp_path / "no-recipe" / "recipe.toml").unlink()
    (tmp_path / "no-numbers" / "history.csv").write_text("epoch,val_accuracy\none,x\n")
    (tmp_path / "strange" / "run.json").write_text(json.dumps(INFO | {"data": []}))
    (tmp_path / "notes").mkdir()
    (tmp_path / "file.txt").touch()
    return tmp_path


def test_runs_are_summed_up_by_name(folder):
    begun, done, *_ = runs.summaries(folder)
    assert done == {
        "name": "done", "recipe": "tiny", "data": "faces", "parameters": 1000, "macs": 2_000_000, "epochs_done": 2,
        "epochs": 5, "best_epoch": 2, "val_accuracy": 0.75, "minutes": 0.5, "augmentation_share": 0.1,
    }  # fmt: skip
    assert (begun["epochs_done"], begun["best_epoch"], begun["augmentation_share"]) == (0, None, None)


def test_a_damaged_run_is_a_line_that_says_so(folder):
    errors = {run["name"]: run["error"] for run in runs.summaries(folder) if "error" in run}
    assert set(errors) == {"no-recipe", "no-numbers", "short", "strange"}
    assert "recipe.toml" in errors["no-recipe"]
    assert "history.csv is damaged" in errors["no-numbers"]
    assert "history.csv is damaged: it has the epochs [1], not 1 to 2" in errors["short"]
    assert "run.json is damaged: data" in errors["strange"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"no folder .*runs; 'ferlite train' makes"):
        runs.summaries(tmp_path / "runs")


def test_a_damaged_history_is_named(folder):
    with pytest.raises(DataError, match=r"history\.csv is damaged"):
        runs.read_history(folder / "no-numbers")
