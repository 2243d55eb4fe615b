"""Damaged files of a run: each is named, and the run goes on from the epoch before."""

import json
import logging

import pytest

from ferlite.errors import DataError
from ferlite.train import checkpoints

INFO = {
    "recipe": "tiny",
    "data": {"name": "faces", "path": "faces", "sha256": "0", "faces": {"train": 9}},
    "labels": ["happy", "sad"],
    "versions": {},
    "epochs_done": 0,
}
FILES = (*checkpoints.FILES, checkpoints.INFO)


class KilledError(Exception):
    pass


def begin(folder):
    (folder / "recipe.toml").write_text("recipe")
    info = dict(INFO)
    checkpoints.write_state(folder, info)
    return info


def epoch(folder, info, killed_before=""):
    """Write what an epoch of training writes; only every other one is the best."""
    number = info["epochs_done"] + 1
    with checkpoints.replacing_state(folder, info):
        for name in ("best.keras", "history.csv", "last.keras", "run.json"):
            if name == killed_before:
                raise KilledError
            if name != "run.json" and (name != "best.keras" or number % 2):
                (folder / name).write_text(f"{name} of epoch {number}")
        info["epochs_done"] = number


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def spoil(path, how):
    text = path.read_text()
    path.unlink() if how == "removed" else path.write_text({"empty": "", "cut": text[:-3], "other": "[" * 9999}[how])


@pytest.fixture
def three(tmp_path):
    """A run of three epochs, and what it held after two."""
    info = begin(tmp_path)
    epoch(tmp_path, info)
    epoch(tmp_path, info)
    before = content(tmp_path)
    epoch(tmp_path, info)
    return tmp_path, before


def test_a_whole_state_stays_as_it_is(three, caplog):
    folder, _ = three
    whole = content(folder)
    checkpoints.restore(folder)
    assert content(folder) == whole
    assert checkpoints.read_info(folder)["epochs_done"] == 3
    assert not caplog.records


@pytest.mark.parametrize("how", ["empty", "cut", "other", "removed"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_and_the_state_before_restored(three, name, how, caplog):
    folder, before = three
    spoil(folder / name, how)
    checkpoints.restore(folder)
    assert content(folder) == before
    assert f"{name} damaged, or not saved to the end; going on after epoch 2" in caplog.text
    epoch(folder, checkpoints.read_info(folder))
    assert checkpoints.read_info(folder)["epochs_done"] == 3


@pytest.mark.parametrize("epochs", [0, 1, 2])
@pytest.mark.parametrize("name", ["history.csv", "last.keras", "run.json"])
def test_a_training_killed_while_it_saves_goes_on_from_the_epoch_before(tmp_path, name, epochs):
    info = begin(tmp_path)
    for _ in range(epochs):
        epoch(tmp_path, info)
    before = content(tmp_path)
    with pytest.raises(KilledError):
        epoch(tmp_path, info, killed_before=name)
    checkpoints.restore(tmp_path)
    assert content(tmp_path) == before


@pytest.mark.parametrize("kept", range(len(FILES)))
def test_a_training_killed_while_it_keeps_the_epoch_before_has_lost_nothing(three, kept, monkeypatch):
    folder, _ = three
    whole, write, written = content(folder), checkpoints.write_bytes, []

    def killed(path, data):
        if len(written) == kept:
            raise KilledError
        written.append(write(path, data))

    monkeypatch.setattr(checkpoints, "write_bytes", killed)
    with pytest.raises(KilledError):
        epoch(folder, checkpoints.read_info(folder))
    checkpoints.restore(folder)
    assert content(folder) == whole


def test_damage_to_both_states_is_an_error_that_names_all(three):
    folder, _ = three
    spoil(folder / "last.keras", "cut")
    spoil(folder / "previous" / "history.csv", "empty")
    whole = content(folder)
    with pytest.raises(DataError, match=r"last\.keras damaged, and in previous/ history\.csv; restore a backup"):
        checkpoints.restore(folder)
    assert content(folder) == whole


def test_a_file_damaged_while_training_goes_on_spoils_no_state_that_is_whole(three, caplog):
    folder, before = three
    info = checkpoints.read_info(folder)
    spoil(folder / "best.keras", "cut")
    with pytest.raises(DataError, match=r"best\.keras changed while training went on; .*goes back"):
        epoch(folder, info)
    with caplog.at_level(logging.CRITICAL):
        checkpoints.restore(folder)
    assert content(folder) == before


def test_too_little_memory_is_no_damage(tmp_path):
    with pytest.raises(MemoryError), checkpoints.named_if_damaged(tmp_path / "best.keras"):
        raise MemoryError


def test_a_run_of_an_older_version_is_taken_as_it_is(tmp_path):
    info = begin(tmp_path)
    del info["files"]
    (tmp_path / "run.json").write_text(json.dumps(info))
    (tmp_path / "last.keras").write_text("newer than run.json")
    older = content(tmp_path)
    checkpoints.restore(tmp_path)
    assert content(tmp_path) == older
    epoch(tmp_path, checkpoints.read_info(tmp_path))
    spoil(tmp_path / "last.keras", "cut")
    checkpoints.restore(tmp_path)
    assert content(tmp_path) == older


WRONG = {
    "": [[], "x", 3, None],
    "recipe": [3, None, []],
    "data": [[], {}, {"name": "faces"}, INFO["data"] | {"faces": {"train": "many"}}],
    "labels": [[], 3, [1], {"happy": 1}],
    "versions": [[], {"numpy": 2}],
    "epochs_done": [-1, "x", 1.5, 1e30, float("nan"), None],
    "best": [3, None, {}, {"epoch": 1, "val_accuracy": float("nan")}],
    "votes": [3, {"path": 1}],
    "files": [3, {"last.keras": 1}],
    "parameters": ["x"],
}


@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_value_in_run_json_is_named(tmp_path, key):
    for value in WRONG[key]:
        (tmp_path / "run.json").write_text(json.dumps(INFO | {key: value} if key else value))
        with pytest.raises(DataError, match=rf"run\.json is damaged: {key}.*; the same 'ferlite train'"):
            checkpoints.read_info(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"epochs_done": ' + "9" * 5000 + "}", "\x00"])
def test_a_run_json_that_is_no_json_is_damaged(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DataError, match=r"run\.json is damaged: "):
        checkpoints.read_info(tmp_path)
