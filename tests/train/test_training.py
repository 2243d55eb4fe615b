import csv
import json
import shutil
from contextlib import suppress
from typing import Any

import keras
import numpy as np
import pytest

from ferlite.data import ferplus
from ferlite.data.dataset import Dataset
from ferlite.errors import DataError, UnknownNameError, UsageError
from ferlite.models.files import write_json
from ferlite.train import recipes, runs
from ferlite.train.networks.base import probabilities
from ferlite.train.networks.branches import BranchedConv
from ferlite.train.networks.build import NETWORKS
from ferlite.train.optimization import loss, optimizer
from ferlite.train.teachers import Teachers
from ferlite.train.training import Run, train

RECIPE = recipes.Recipe.model_validate(
    {
        "name": "tiny",
        "network": "keras-cnn",
        "epochs": 3,
        "batch": 32,
        "size": 16,
        "l2": 1e-4,
        "optimizer": {"name": "sgd", "learning_rate": 0.05, "schedule": "cosine", "warmup_epochs": 1},
        "augmentation": {"flip_horizontal": True, "shift": 2},
    }
)


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    return train(RECIPE, data, tmp_path_factory.mktemp("runs") / "whole")


def weights(run):
    model: Any = keras.saving.load_model(run.folder / "last.keras")
    return model.get_weights()


def test_a_finished_run_holds_everything_that_is_needed_later(uninterrupted, data):
    names = {path.name for path in uninterrupted.folder.iterdir()}
    assert names == {
        "recipe.toml", "run.json", "history.csv", "last.keras", "best.keras",
        "metrics.json", "curves.png", "confusion.png", "previous",
    }  # fmt: skip
    info = json.loads((uninterrupted.folder / "run.json").read_text())
    assert info["data"]["sha256"] == data.sha256
    assert info["labels"] == ["happy", "sad"]
    assert info["epochs_done"] == 3
    assert {"keras", "tensorflow", "numpy", "python", "ferlite"} <= set(info["versions"])
    assert Run.open(uninterrupted.folder).recipe == RECIPE


def test_the_best_epoch_by_validation_is_the_one_that_is_kept(uninterrupted):
    rows = list(csv.DictReader((uninterrupted.folder / "history.csv").read_text().splitlines()))
    best = max(rows, key=lambda row: float(row["val_accuracy"]))
    assert uninterrupted.info["best"]["epoch"] == int(best["epoch"])
    scores = json.loads((uninterrupted.folder / "metrics.json").read_text())
    assert scores["accuracy"] == pytest.approx(float(best["val_accuracy"]))
    assert scores["split"] == "validation"


def test_a_run_that_was_interrupted_twice_ends_with_the_same_weights(data, uninterrupted, tmp_path):
    for when in ((2, 2), (3, 1)):

        def interrupt(epoch, step, steps, when=when):
            if (epoch, step) == when:
                raise StoppedError

        with pytest.raises(StoppedError):
            train(RECIPE, data, tmp_path, on_step=interrupt)
    resumed = train(RECIPE, data, tmp_path)
    for here, there in zip(weights(resumed), weights(uninterrupted), strict=True):
        np.testing.assert_array_equal(here, there)
    assert resumed.info["best"] == uninterrupted.info["best"]


@pytest.mark.parametrize(("name", "epochs"), [("last.keras", 2), ("best.keras", 3)])
def test_a_run_with_a_damaged_file_goes_on_and_ends_with_the_same_weights(
    data, uninterrupted, tmp_path, name, epochs, caplog
):
    def interrupt(epoch, step, steps):
        if (epoch, step) == (epochs + 1, 1):
            raise StoppedError

    with suppress(StoppedError):
        train(RECIPE, data, tmp_path, on_step=interrupt)
    damaged = tmp_path / name
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size * 2 // 3])
    run = train(RECIPE, data, tmp_path)
    assert f"{name} damaged, or not saved to the end; going on after epoch {epochs - 1}" in caplog.text
    for here, there in zip(weights(run), weights(uninterrupted), strict=True):
        np.testing.assert_array_equal(here, there)
    assert run.info["best"] == uninterrupted.info["best"]


@pytest.mark.parametrize("name", ["last.keras", "best.keras"])
def test_a_damaged_file_of_weights_of_an_older_run_is_named(data, uninterrupted, tmp_path, name):
    run = Run.open(shutil.copytree(uninterrupted.folder, tmp_path / "older"))
    info = {key: value for key, value in run.info.items() if key not in ("files", "best")}
    write_json(run.folder / "run.json", info)
    (run.folder / name).write_bytes(b"PK")
    with pytest.raises(DataError, match=rf"{name} is missing or damaged"):
        train(RECIPE, data, run.folder)


VARIANTS = {
    "oversampling": {"balance": "oversampling"},
    "class-weights": {"balance": "class-weights", "loss": "focal"},
    "step": {"optimizer": {"schedule": "step", "steps": [1], "factor": 0.1}},
    "averages": {"ema": 0.9},
    "mixing": {"augmentation": {"mixup": 0.4, "cutmix": 1.0}, "balance": "class-weights"},
    "distillation": {"distillation": {"weight": 0.7}, "ema": 0.9},
    "distillation once": {"distillation": {"once": True}, "augmentation": {"mixup": 0.4}, "balance": "class-weights"},
    "branches": {
        "network": "one-branched-layer",
        "l2": 1e-4,
        "precision": "mixed_bfloat16",
        "seed": 2**32 - 1,
    },
    "early stopping": {"early_stopping": 1, "epochs": 9, "optimizer": {"learning_rate": 1e-9}},
}


def variant(**keys):
    return recipes.Recipe.model_validate(
        RECIPE.model_dump() | {"network": "small", "epochs": 2, "optimizer": {}} | keys
    )


def taught_by(recipe, teacher):
    distillation = recipe.distillation.model_copy(update={"teachers": (str(teacher.folder),)})
    return recipe.model_copy(update={"distillation": distillation})


def one_branched_layer(classes, size, penalty, width):
    """What is peculiar to the networks with branches, without the minute that compiling one takes."""
    pixels = keras.Input((size, size, 1), name="pixels")
    x = BranchedConv(8, 2, penalty)(pixels)
    return keras.Model(pixels, probabilities(keras.layers.GlobalAveragePooling2D()(x), classes, penalty))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_way_of_training_resumes_exactly(name, data, uninterrupted, tmp_path, monkeypatch):
    monkeypatch.setitem(NETWORKS, "one-branched-layer", one_branched_layer)
    recipe = variant(**VARIANTS[name])
    if "distillation" in recipe.model_dump(exclude_defaults=True):
        recipe = taught_by(recipe, uninterrupted)
    whole = train(recipe, data, tmp_path / "whole")

    def interrupt(epoch, step, steps):
        if (epoch, step) == (2, 2):
            raise StoppedError

    with pytest.raises(StoppedError):
        train(recipe, data, tmp_path / "resumed", on_step=interrupt)
    resumed = train(recipe, data, tmp_path / "resumed")
    for here, there in zip(weights(resumed), weights(whole), strict=True):
        np.testing.assert_array_equal(here, there)
    assert resumed.info["epochs_done"] == whole.info["epochs_done"] == 2
    epochs = []
    train(recipe, data, resumed.folder, on_epoch=epochs.append)
    assert epochs == []


def test_teachers_asked_once_answer_for_the_face_and_its_mirror_image(data, uninterrupted):
    teachers = Teachers([str(uninterrupted.folder)], data.label_names, temperature=2)
    faces = data.split("validation").images[:5]
    once = teachers.once(faces)
    np.testing.assert_allclose(once, (teachers(faces) + teachers(faces[:, :, ::-1])) / 2, rtol=1e-6)
    assert not np.allclose(once, teachers(faces))


def test_the_rate_falls_after_the_given_epochs(data):
    recipe = variant(optimizer={"learning_rate": 0.8, "schedule": "step", "steps": [1, 3], "factor": 0.5}, epochs=4)
    rate = optimizer(recipe, steps=10)._learning_rate
    steps = [0, 9, 10, 29, 30, 39]
    assert [round(float(rate(keras.ops.array(step))), 6) for step in steps] == [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]


def test_the_cosine_ends_on_its_floor(data):
    recipe = variant(optimizer={"learning_rate": 0.8, "schedule": "cosine", "floor": 0.25}, epochs=4)
    assert float(optimizer(recipe, steps=10)._learning_rate(40)) == pytest.approx(0.2)


def test_focal_loss_is_that_of_its_paper():
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7]], np.float32)
    value: Any = loss(variant(loss="focal", focal_gamma=2))(np.eye(2, dtype=np.float32), keras.ops.array(probabilities))
    assert float(value) == pytest.approx(np.mean([-(0.1**2) * np.log(0.9), -(0.3**2) * np.log(0.7)]), rel=1e-4)


def test_the_weights_that_are_kept_are_the_average(data, tmp_path):
    run = train(variant(ema=0.9, epochs=1, optimizer={"learning_rate": 0.01}), data, tmp_path)
    last: Any = keras.saving.load_model(tmp_path / "last.keras")
    kept = run.network().trainable_variables
    for variable, average, raw in zip(
        kept, last.optimizer._model_variables_moving_average, last.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(variable, average)
        assert (np.asarray(variable) != np.asarray(raw)).any()
    row = runs.read_history(tmp_path)[0]
    assert json.loads((tmp_path / "metrics.json").read_text())["accuracy"] == pytest.approx(row["val_accuracy"])


def test_teachers_are_asked_reported_and_recorded(data, uninterrupted, tmp_path):
    calls = []
    recipe = taught_by(variant(epochs=1), uninterrupted)
    run = train(recipe, data, tmp_path, on_teacher=lambda *progress: calls.append(progress))
    assert calls == [(1, 100, 100)]
    assert "teacher_seconds" in runs.read_history(tmp_path)[0]
    assert run.info["teachers"]["names"] == [str(uninterrupted.folder)]
    other = train(variant(epochs=1, seed=9), data, tmp_path / "other")
    (tmp_path / "run.json").write_text((tmp_path / "run.json").read_text().replace(
        run.info["teachers"]["sha256"], "0" * 64))  # fmt: skip
    with pytest.raises(UsageError, match="another recipe or other data"):
        train(recipe, data, tmp_path)
    with pytest.raises(DataError, match=r"teacher .* has the labels happy, sad and the student sad, happy"):
        train(taught_by(variant(labels=["sad", "happy"]), other), data, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_recipe_with_votes_is_recorded_with_them(data, tmp_path):
    votes = ferplus.Votes("votes.csv", "2" * 64, (), np.zeros((160, 8), int), np.zeros((160, 2), int))
    with pytest.raises(DataError, match=r"votes\.csv has 0 rows"):
        train(variant(votes="soft"), data, tmp_path, votes=votes)
    with pytest.raises(UsageError, match="--votes"):
        train(variant(votes="soft"), data, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_fold_is_scored_on_its_test_split_and_official_splits_are_not(data, uninterrupted, tmp_path):
    run = train(variant(splits="stratified", fold=1, epochs=1), data, tmp_path)
    scores = json.loads((run.folder / "metrics.json").read_text())
    assert run.info["data"]["faces"] == {"train": 93, "validation": 11, "test": 26}
    assert scores["test"]["count"] == np.sum(scores["test"]["confusion"]) == 26
    assert scores["test"]["binary_accuracy"] == pytest.approx(scores["test"]["accuracy"])  # of two classes
    assert "test" not in json.loads((uninterrupted.folder / "metrics.json").read_text())


def test_extra_data_are_trained_on_and_recorded(data, tmp_path):
    extra = Dataset("more", ("sad", "happy"), {"train": data.split("train")[np.arange(40)]}, sha256="1" * 64)
    recipe = variant(splits="stratified", epochs=1)
    run = train(recipe, data, tmp_path, extra=extra)
    held = run.info["data"]["faces"]["validation"] + run.info["data"]["faces"]["test"]
    assert run.info["extra"]["sha256"] == extra.sha256
    assert 0 < run.info["extra"]["faces"]["train"] < 40 <= run.info["extra"]["faces"]["train"] + held
    with pytest.raises(UsageError, match="another recipe or other data"):
        train(recipe, data, tmp_path)


def test_a_finished_run_is_not_trained_again(data, uninterrupted):
    epochs = []
    train(RECIPE, data, uninterrupted.folder, on_epoch=epochs.append)
    assert epochs == []


def test_a_folder_of_another_run_is_refused(data, uninterrupted):
    other = RECIPE.model_copy(update={"epochs": 4})
    with pytest.raises(UsageError, match="another recipe or other data"):
        train(other, data, uninterrupted.folder)


def test_faces_are_resized_to_the_recipe_s_input(data, tmp_path):
    run = train(RECIPE.model_copy(update={"size": 24, "epochs": 1, "optimizer": recipes.Optimizer()}), data, tmp_path)
    assert run.network().input.shape == (None, 24, 24, 1)


def test_a_data_set_without_validation_is_refused(data, tmp_path):
    alone = Dataset("x", data.label_names, {"train": data.split("train")}, "0")
    with pytest.raises(UnknownNameError, match="validation"):
        train(RECIPE, alone, tmp_path)


def test_a_loss_that_is_no_number_stops_the_run_with_a_remedy(data, tmp_path):
    wild = RECIPE.model_copy(update={"optimizer": recipes.Optimizer(name="sgd", learning_rate=1000), "l2": 1.0})
    with pytest.raises(DataError, match="lower the learning rate"):
        train(wild, data, tmp_path)


def test_dedupe_drops_training_faces_that_are_also_held_out(data, tmp_path):
    leaked = dict(data.splits) | {"test": data.split("train")[np.arange(10)]}
    run = train(
        RECIPE.model_copy(update={"dedupe": True, "epochs": 1, "optimizer": recipes.Optimizer()}),
        Dataset("x", data.label_names, leaked, "0"),
        tmp_path,
    )
    assert run.info["data"]["faces"]["train"] == 90


def test_a_damaged_run_is_named(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"run\.json is damaged"):
        Run.open(tmp_path)


def test_whoever_balances_classes_keeps_the_epoch_of_the_best_mean_recall(data, tmp_path):
    recipe = RECIPE.model_copy(update={"balance": "oversampling"})
    run = train(recipe, data, tmp_path)
    rows = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    best = max(rows, key=lambda row: float(row["val_balanced_accuracy"]))
    assert run.info["best"]["epoch"] == int(best["epoch"])
    scores = json.loads((tmp_path / "metrics.json").read_text())
    assert scores["balanced_accuracy"] == pytest.approx(float(best["val_balanced_accuracy"]), abs=1e-6)
