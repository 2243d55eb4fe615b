"""The training loop: it can resume after any epoch, and scores the best weights at the end."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data import metrics
from ..data.dataset import Dataset, Faces
from ..data.ferplus import Votes
from ..errors import DataError
from ..models.files import replacing, sha256, write_json
from ..models.labels import LABELS
from ..models.native_log import muted_stderr
from . import batches, checkpoints, figures, heads, optimization, runs, strategies
from .balance import class_weights
from .epochs import Epoch, make_epoch
from .initial_weights import describe, prepare_start
from .networks.build import build_network, check_network
from .networks.size import size_of
from .preparation import additional, prepare, targets, vote_targets
from .recipes import Recipe
from .runs import Run
from .teachers import Teachers


def train(
    recipe: Recipe,
    dataset: Dataset,
    folder: str | Path,
    *,
    extra: Dataset | None = None,
    votes: Votes | None = None,
    start: str | Path | None = None,
    strategy: str = "",
    on_step: Callable[[int, int, int], None] = lambda epoch, step, steps: None,
    on_teacher: Callable[[int, int, int], None] = lambda epoch, face, faces: None,
    on_epoch: Callable[[dict[str, float]], None] = lambda row: None,
) -> Run:
    """Train by a recipe, or resume an interrupted run.

    Args:
        recipe: The recipe.
        dataset: Needs the splits train and validation.
        folder: Run folder, made if missing. One with the same recipe and data is resumed, after the epoch before
            its last if a file is damaged.
        extra: Its Training faces are added to those of `dataset`, see `preparation.additional`.
        votes: Votes of FER+ for the rows of `dataset`, where the recipe needs them.
        start: What to start from, see `initial_weights.prepare_start`. A resumed run needs none and accepts
            only its own.
        strategy: See `strategies.scope`. It may be another one when a run is resumed.
        on_step: Called after each batch with epoch (from 1), step and steps of the epoch.
        on_teacher: Called while teachers answer with epoch, the answers given and their total.
        on_epoch: Called after each epoch with its line of history.csv.

    Returns:
        The finished run.

    Raises:
        UsageError: The folder holds another run, or one that began from another start, or the recipe needs
            votes and there are none.
        UnknownNameError: The network, a split or a label of the recipe does not exist.
        DataError: A needed split is empty, the loss is no longer a finite number, or files of the folder are damaged
            beyond the epoch before.
        OutputError: The folder can't be written.
    """
    folder, kept_by = Path(folder), runs.criterion(recipe)
    check_network(recipe.network)
    scope = strategies.scope(strategy)
    dataset = prepare(dataset, recipe, votes)
    faces, validation = dataset.split("train"), dataset.split("validation")
    sources = {"data": runs.source(dataset, {name: len(part) for name, part in dataset.splits.items()})}
    if extra:
        added = additional(extra, dataset, recipe)
        faces = Faces.joined([faces, added])
        sources["extra"] = runs.source(extra, {"train": len(added)})
    if votes:
        sources["votes"] = {"path": votes.path, "sha256": votes.sha256}
    checkpoints.restore(folder)
    start = start or runs.begun_from(folder)
    if start is not None:
        sources["start"] = describe(start)
    taught = recipe.distillation
    with muted_stderr():  # TensorFlow reports missing GPUs when it builds its first model
        teachers = Teachers(taught.teachers, dataset.label_names, taught.temperature)
        ferplus_teachers = Teachers(taught.ferplus_teachers, LABELS, 1.0, "ferplus")
    if teachers or ferplus_teachers:
        names, weights = taught.teachers + taught.ferplus_teachers, teachers.weights + ferplus_teachers.weights
        sources["teachers"] = {"names": list(names), "sha256": sha256(*weights)}
    info = runs.begin(recipe, folder, dataset.label_names, sources, versions())
    if "best" in info:
        return Run(folder, recipe, info)
    steps = math.ceil(len(faces) / recipe.batch)

    with muted_stderr(), scope, runs.removed_if_empty(folder):
        model = _resumed(folder) or _compiled(recipe, dataset.label_names, steps, start)
    info |= size_of(heads.first(model))

    # The optimiser's step count is the one record of progress: it is saved with the weights.
    done = int(model.optimizer.iterations.numpy()) // steps
    history = runs.read_history(folder, done)[:done]
    train_targets, shares = targets(faces, dataset.label_names, recipe, votes), vote_targets(faces, recipe, votes)
    validation_batch = _validation_batch(validation, len(dataset.label_names), recipe, votes)
    trained = optimization.TrainedWeights(model) if recipe.ema else None
    for number in range(done, recipe.epochs):
        if _has_stopped([row[kept_by] for row in history], recipe.early_stopping):
            break
        began = time.perf_counter()
        with runs.removed_if_empty(folder):
            epoch = make_epoch(
                number,
                faces,
                train_targets,
                recipe,
                teachers,
                partial(on_teacher, number + 1),
                shares=shares,
                ferplus_teachers=ferplus_teachers,
            )
            _seed_dropout(model, recipe.seed, number)
            callbacks = [_Steps(number + 1, steps, on_step), *([trained] if trained else [])]
            row = {"epoch": number + 1} | _fit(model, epoch, validation_batch, recipe.batch, callbacks)
            row |= {"seconds": time.perf_counter() - began, **epoch.seconds}
            _check_loss(row["loss"], number + 1)
        best = all(row[kept_by] > earlier[kept_by] for earlier in history)
        history.append(row)
        _save_epoch(folder, model, trained, history, info, best=best)
        on_epoch(row)
    return _finish(Run(folder, recipe, info), dataset, history)


def _validation_batch(faces: Faces, classes: int, recipe: Recipe, votes: Votes | None) -> tuple[Any, Any, Any]:
    """Return pixels, targets and weights for validation; classes count the same if the recipe balances them."""
    answers = np.eye(classes, dtype=np.float32)[faces.labels]
    weights = None if recipe.balance == "none" else answers @ class_weights(answers)
    # The second head is scored on the majority, as a model of its own would be.
    majority = vote_targets(faces, recipe, votes, soft=False)
    if majority is not None:
        answers = np.concatenate([answers, majority], axis=1)
    return _batch(faces), answers, weights


def _fit(
    model: Any, epoch: Epoch, validation: tuple[Any, Any, Any], batch: int, callbacks: list[Any]
) -> dict[str, float]:
    """Train for one epoch, then validate: a moving average is in the model only after `fit`."""
    trained = model.fit(
        **batches.feed(batch, epoch.images, epoch.targets, epoch.weights),
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    ).history
    validated = model.evaluate(**batches.feed(512, *validation), verbose=0, return_dict=True)
    return {name: float(values[0]) for name, values in trained.items()} | {
        f"val_{name}": float(value) for name, value in validated.items()
    }


def _check_loss(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise DataError(f"the loss became {loss} in epoch {epoch}; lower the learning rate")


def predict(model: Any, faces: Faces) -> np.ndarray:
    """Return probabilities, float32 [n, classes]."""
    return np.asarray(model.predict(**batches.feed(512, _batch(faces)), verbose=0))


class _Steps(keras.callbacks.Callback):
    """Passes Keras' batch count on."""

    def __init__(self, epoch: int, steps: int, on_step: Callable[[int, int, int], None]) -> None:
        super().__init__()
        self._report = lambda step: on_step(epoch, step, steps)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._report(batch + 1)


def _batch(faces: Faces) -> np.ndarray:
    return faces.images[..., None]


def _has_stopped(scores: Sequence[float], patience: int) -> bool:
    """Decide from the history alone, so that a resumed run stops where an uninterrupted one does."""
    return bool(patience and scores) and len(scores) - 1 - scores.index(max(scores)) >= patience


def versions() -> dict[str, str]:
    """Return the versions of the libraries that a training depends on."""
    backend = keras.backend.backend()
    return {
        "ferlite": version("ferlite"),
        "keras": keras.version(),
        backend: import_module(backend).__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def _resumed(folder: Path) -> Any:
    path = folder / "last.keras"
    if not path.exists():
        return None
    with checkpoints.named_if_damaged(path):
        return keras.saving.load_model(path)


def _compiled(recipe: Recipe, label_names: tuple[str, ...], steps: int, start: str | Path | None) -> Any:
    keras.utils.set_random_seed(recipe.seed)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(recipe.precision)
    try:
        model: Any = build_network(recipe.network, len(label_names), recipe.size, recipe.l2, recipe.width)
    finally:
        keras.config.set_dtype_policy(before)
    if recipe.ferplus_head:
        model = heads.add(model, keras.regularizers.L2(recipe.l2) if recipe.l2 else None)
    prepare_start(model, recipe, label_names, start)
    model.compile(
        optimizer=optimization.optimizer(recipe, steps),
        loss=optimization.loss(recipe),
        metrics=optimization.metrics(recipe),
        weighted_metrics=optimization.weighted_metrics(recipe),
    )
    return model


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Give each dropout layer the random state of this epoch, so that a resumed run draws the same."""
    for place, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.array([(seed * 1009 + place) % 2**32, epoch], "uint32"))


def _save_epoch(
    folder: Path,
    model: Any,
    trained: optimization.TrainedWeights | None,
    history: list[dict[str, float]],
    info: dict[str, Any],
    *,
    best: bool,
) -> None:
    with checkpoints.replacing_state(folder, info):
        if best:
            _save(model, folder / "best.keras")
        if trained:
            trained.restore()
        runs.write_history(folder, history)
        _save(model, folder / "last.keras")
        info["epochs_done"] = len(history)


def _save(model: keras.Model, path: Path) -> None:
    with replacing(path) as temporary:
        model.save(temporary)


def _finish(run: Run, dataset: Dataset, history: list[dict[str, float]]) -> Run:
    """Score the best weights, and draw the pictures."""
    network = run.network()

    def score(split: str) -> tuple[metrics.Scores, dict[str, Any]]:
        faces = dataset.split(split)
        probabilities = predict(network, faces)
        scores = metrics.score(probabilities.argmax(1), faces.labels, dataset.label_names)
        return scores, scores.to_json() | {"binary_accuracy": metrics.binary_accuracy(probabilities, faces.labels)}

    scores, written = score("validation")
    written = {"split": "validation"} | written
    if run.recipe.splits != "official":
        written["test"] = score("test")[1]
    best = max(history, key=lambda row: row[runs.criterion(run.recipe)])
    run.info["best"] = {"epoch": best["epoch"], "val_accuracy": scores.accuracy}
    write_json(run.folder / "metrics.json", written)
    title = f"{run.recipe.name}, validation, n = {scores.count}: {scores.accuracy:.1%}"
    figures.draw_confusion(scores, title, run.folder / "confusion.png")
    figures.draw_curves(history, best, run.folder / "curves.png")
    write_json(run.folder / "run.json", run.info)
    return run
