"""The training loop: a run folder that resumes at any epoch and ends with its best weights scored.

A run folder holds

    recipe.toml    every key spelled out
    run.json       versions, data and its hash, parameters, MACs, progress, best epoch
    history.csv    one line for each epoch
    last.keras     weights and optimiser state of the last complete epoch
    best.keras     weights of the epoch with the highest validation accuracy
    metrics.json, curves.png, confusion.png    written at the end, for the validation split
"""

from __future__ import annotations

import csv
import io
import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..models.errors import DataError, UsageError
from ..models.files import read_bytes, replacing, write_bytes, write_json
from ..models.quiet import quiet
from . import figures, metrics, networks
from .augment import augment
from .datasets import Dataset, Faces, identical_to
from .recipes import Recipe
from .recipes import load as load_recipe


@dataclass(frozen=True)
class Run:
    """A run folder and what is known of it.

    Attributes:
        folder: The run folder.
        recipe: What it was trained by.
        info: The content of run.json.
    """

    folder: Path
    recipe: Recipe
    info: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Read a run folder.

        Raises:
            MissingFileError: It holds no recipe.toml or run.json.
            DataError: One of them is damaged.
        """
        folder = Path(folder)
        text = read_bytes(folder / "run.json")
        try:
            info = json.loads(text)
            missing = {"recipe", "data", "labels", "versions", "epochs_done"} - set(info)
            if missing:
                raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        except (ValueError, TypeError) as error:
            raise DataError(f"{folder / 'run.json'} is damaged: {error}; train again into a new folder") from error
        return cls(folder, load_recipe(folder / "recipe.toml"), info)

    def network(self) -> Any:
        """Build the network (a `keras.Model`) in float32 with the best epoch's weights."""
        model = networks.build(self.recipe.network, len(self.info["labels"]), self.recipe.size)
        model.load_weights(self.folder / "best.keras")
        return model


def train(
    recipe: Recipe,
    dataset: Dataset,
    folder: str | Path,
    *,
    on_step: Callable[[int, int, int], None] = lambda epoch, step, steps: None,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
) -> Run:
    """Train by a recipe, or go on where an interrupted run stopped.

    Args:
        recipe: What to do.
        dataset: Needs the splits train and validation; its test split is not looked at.
        folder: Run folder, made if missing. One with the same recipe and data is resumed.
        on_step: Called after each batch with epoch (from 1), step and steps of the epoch.
        on_epoch: Called after each epoch with its line of history.csv.

    Returns:
        The finished run.

    Raises:
        UsageError: The folder holds another run.
        DataError: A needed split is missing or empty.
        OutputError: The folder can't be written.
    """
    folder = Path(folder)
    networks.check(recipe.network)
    dataset = dataset.resized(recipe.size)
    faces, validation = dataset.split("train"), dataset.split("validation")
    if recipe.dedupe:
        for held_out in (part for name, part in dataset.splits.items() if name != "train"):
            faces = faces[~identical_to(faces, held_out)]
    steps = math.ceil(len(faces) / recipe.batch)
    info = _begin(recipe, dataset, folder, len(faces))

    # TensorFlow tells of GPUs that are not there when it builds its first model.
    with quiet():
        model = _resumed(folder) or _compiled(recipe, len(dataset.label_names), steps)
    info |= {"parameters": model.count_params(), "macs": networks.macs(model)}

    # The optimiser's step count is the one record of progress: it is saved with the weights.
    done = int(model.optimizer.iterations) // steps
    history = _read_history(folder)[:done]
    targets = keras.utils.to_categorical(faces.labels, len(dataset.label_names))
    held = _batch(validation), keras.utils.to_categorical(validation.labels, len(dataset.label_names))
    for epoch in range(done, recipe.epochs):
        start = time.perf_counter()
        varied = augment(faces.images, recipe.augmentation, recipe.seed, epoch)
        augmented = time.perf_counter() - start
        order = np.random.default_rng((recipe.seed, epoch, 1)).permutation(len(faces))
        _seed_dropout(model, recipe.seed, epoch)
        logs = model.fit(
            varied[order][..., None],
            targets[order],
            batch_size=recipe.batch,
            shuffle=False,
            validation_data=held,
            validation_batch_size=512,
            verbose=0,
            callbacks=[_Steps(epoch + 1, steps, on_step)],
        ).history
        row = {"epoch": epoch + 1} | {name: float(values[0]) for name, values in logs.items()}
        row |= {"seconds": time.perf_counter() - start, "augmentation_seconds": augmented}
        if not math.isfinite(row["loss"]):
            raise DataError(f"the loss became {row['loss']} in epoch {epoch + 1}; lower the learning rate")
        if row["val_accuracy"] > max((r["val_accuracy"] for r in history), default=-1):
            _save(model, folder / "best.keras")
        history.append(row)
        _write_history(folder, history)
        _save(model, folder / "last.keras")
        info |= {"epochs_done": epoch + 1}
        write_json(folder / "run.json", info)
        on_epoch(row)
    return _finish(Run(folder, recipe, info), dataset, history)


def predict(model: Any, faces: Faces) -> np.ndarray:
    """Return probabilities, float32 [n, classes]."""
    return np.asarray(model.predict(_batch(faces), batch_size=512, verbose=0))


class _Steps(keras.callbacks.Callback):
    """Passes Keras' batch count on."""

    def __init__(self, epoch: int, steps: int, on_step: Callable[[int, int, int], None]) -> None:
        super().__init__()
        self._report = lambda step: on_step(epoch, step, steps)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._report(batch + 1)


def _batch(faces: Faces) -> np.ndarray:
    return faces.images[..., None]


def _begin(recipe: Recipe, dataset: Dataset, folder: Path, train_count: int) -> dict[str, Any]:
    """Start or reopen the run folder, and refuse one that belongs to another run."""
    info: dict[str, Any] = {
        "recipe": recipe.name,
        "data": {
            "name": dataset.name,
            "path": dataset.path,
            "sha256": dataset.sha256,
            "faces": {n: len(f) for n, f in dataset.splits.items()} | {"train": train_count},
        },
        "labels": list(dataset.label_names),
        "versions": {
            "ferlite": version("ferlite"),
            "keras": keras.version(),
            keras.backend.backend(): import_module(keras.backend.backend()).__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "epochs_done": 0,
    }
    if (folder / "run.json").exists():
        before = Run.open(folder)
        same_data = before.info["data"]["sha256"] == dataset.sha256
        if before.recipe != recipe or not same_data:
            raise UsageError(
                f"{folder} holds a run with another recipe or other data; choose another --out, or remove it"
            )
        return before.info
    recipe.save(folder / "recipe.toml")
    write_json(folder / "run.json", info)
    return info


def _resumed(folder: Path) -> Any:
    path = folder / "last.keras"
    return keras.saving.load_model(path) if path.exists() else None


def _compiled(recipe: Recipe, classes: int, steps: int) -> Any:
    keras.utils.set_random_seed(recipe.seed)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        model: Any = networks.build(recipe.network, classes, recipe.size, recipe.l2)
    finally:
        keras.config.set_dtype_policy(before)
    how = recipe.optimizer
    rate: Any = how.learning_rate
    if how.schedule == "cosine":
        warmup = round(how.warmup_epochs * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            decay_steps=recipe.epochs * steps - warmup,
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    if how.name == "sgd":
        optimizer = keras.optimizers.SGD(rate, momentum=how.momentum, nesterov=how.momentum > 0)
    else:
        optimizer = keras.optimizers.Adam(rate, how.beta_1, how.beta_2, how.epsilon)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Give each dropout layer the random state of this epoch, so that a resumed run draws the same."""
    for place, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.array([seed * 1009 + place, epoch], "uint32"))


def _save(model: keras.Model, path: Path) -> None:
    with replacing(path) as temporary:
        model.save(temporary)


def _read_history(folder: Path) -> list[dict[str, float]]:
    path = folder / "history.csv"
    if not path.exists():
        return []
    rows = csv.DictReader(io.StringIO(path.read_text()))
    return [{k: int(v) if k == "epoch" else float(v) for k, v in row.items()} for row in rows]


def _write_history(folder: Path, history: list[dict[str, float]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_bytes(folder / "history.csv", text.getvalue().encode())


def _finish(run: Run, dataset: Dataset, history: list[dict[str, float]]) -> Run:
    """Score the best weights on the validation split, and draw the pictures."""
    validation = dataset.split("validation")
    predicted = predict(run.network(), validation).argmax(1)
    scores = metrics.score(predicted, validation.labels, dataset.label_names)
    best = max(history, key=lambda row: row["val_accuracy"])
    run.info["best"] = {"epoch": best["epoch"], "val_accuracy": scores.accuracy}
    write_json(run.folder / "metrics.json", {"split": "validation"} | scores.to_json())
    title = f"{run.recipe.name}, validation, n = {scores.count}: {scores.accuracy:.1%}"
    figures.draw_confusion(scores, title, run.folder / "confusion.png")
    figures.draw_curves(history, run.folder / "curves.png")
    write_json(run.folder / "run.json", run.info)
    return run
