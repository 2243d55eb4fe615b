import io
import json
import sys
import tomllib

import cv2
import numpy as np
import pytest
from rich.console import Console

from ferlite.cli import console
from ferlite.cli.app import main

RECIPE = 'name = "tiny"\nnetwork = "small"\nepochs = 1\nsize = 16\nsplits = "stratified"\nfolds = 2\n'


def write_tree(root, seed):
    rng = np.random.default_rng(seed)
    for name in ("happy", "sad"):
        (root / name).mkdir(parents=True)
        for i in range(12):
            cv2.imwrite(str(root / name / f"{i}.png"), rng.integers(0, 256, (16, 16), np.uint8))


def run(monkeypatch, line):
    monkeypatch.setattr(sys, "argv", ["ferlite", *line.split()])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0


def test_a_run_with_extra_data_and_logs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path / "faces", 0)
    write_tree(tmp_path / "more", 1)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    run(monkeypatch, "train --recipe tiny.toml --data faces --extra more --tensorboard")
    assert "best epoch 1: validation accuracy" in capsys.readouterr().out
    info = json.loads((tmp_path / "runs/tiny/run.json").read_text())
    # A tenth of each class of the extra data is its own validation split, which stays out.
    assert info["extra"]["faces"] == {"train": 22}
    assert list((tmp_path / "runs/tiny/tensorboard").iterdir())


def test_another_seed_is_another_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path / "faces", 0)
    (tmp_path / "tiny.toml").write_text(RECIPE)
    run(monkeypatch, "train --recipe tiny.toml --data faces --seed 2")
    recipe = tomllib.loads((tmp_path / "runs/tiny-seed-2/recipe.toml").read_text())
    assert (recipe["name"], recipe["seed"]) == ("tiny-seed-2", 2)


WILD = 'batch = 1\nl2 = 1.0\n[optimizer]\nname = "sgd"\nlearning_rate = 1000\n'
FAILS = {
    "while the network is built": (RECIPE + 'trainable_from = "nothing"\n', "no layer of small 'nothing'"),
    "in the first epoch": (RECIPE.replace("small", "keras-cnn") + WILD, "the loss became nan in epoch 1"),
}


@pytest.mark.parametrize("case", FAILS)
def test_a_training_that_fails_leaves_no_run(case, tmp_path, monkeypatch, capsys):
    wrong, message = FAILS[case]
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path / "faces", 0)
    (tmp_path / "tiny.toml").write_text(wrong)
    monkeypatch.setattr(sys, "argv", ["ferlite", "train", "--recipe", "tiny.toml", "--data", "faces", "--tensorboard"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs/tiny").exists()


def test_progress_shows_the_time_that_remains(monkeypatch):
    screen, now = io.StringIO(), [0.0]
    made = Console(file=screen, force_terminal=True, width=100, get_time=lambda: now[0])
    monkeypatch.setattr(console, "console", made)
    with console.progress("train") as show:
        for share in (0.1, 0.2, 0.3, 0.4):
            show(share, "epoch 1/2")
            now[0] += 60
    assert "0:06:00" in screen.getvalue()
