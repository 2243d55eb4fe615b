"""The pictures a run leaves: learning curves and a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..data.dataset import Dataset
from ..data.metrics import Scores
from ..models.files import replacing


def draw_curves(history: Sequence[Mapping[str, float]], best: Mapping[str, float], path: str | Path) -> None:
    """Draw loss and accuracy by epoch, for training and validation.

    Args:
        history: One mapping for each epoch, as in history.csv.
        best: That of the best epoch.
        path: PNG file to write.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axis, name, title in zip(figure.subplots(1, 2), ("loss", "accuracy"), ("Loss", "Accuracy"), strict=True):
        axis.plot(epochs, [row[name] for row in history], label="training (augmented)")
        axis.plot(epochs, [row[f"val_{name}"] for row in history], label="validation")
        axis.set(title=title, xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.axes[1].plot(best["epoch"], best["val_accuracy"], "ko")
    figure.axes[1].annotate(
        f"{best['val_accuracy']:.1%}",
        (best["epoch"], best["val_accuracy"]),
        textcoords="offset points",
        xytext=(0, 7),
        ha="center",
    )
    save(figure, path)


def draw_confusion(scores: Scores, title: str, path: str | Path) -> None:
    """Draw a confusion matrix: each row in percent of its true class, with the counts.

    Args:
        scores: Scores of one split.
        title: Title of the picture.
        path: PNG file to write.
    """
    counts = np.array(scores.confusion)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    names = list(scores.recall)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        axis.text(
            column,
            row,
            f"{shares[row, column]:.0%}\n{counts[row, column]}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if shares[row, column] > 0.55 else "black",
        )
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="predicted", ylabel="true", title=title)
    save(figure, path)


def draw_counts(dataset: Dataset, path: str | Path) -> None:
    """Draw how many faces of each class each split has.

    Args:
        dataset: Any.
        path: PNG file to write.
    """
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(dataset.splits)
    for place, (name, faces) in enumerate(dataset.splits.items()):
        counts = np.bincount(faces.labels, minlength=len(dataset.label_names))
        bars = axis.bar(np.arange(len(counts)) + (place + 0.5) * width - 0.4, counts, width, label=name)
        axis.bar_label(bars, fontsize=7)
    axis.set_xticks(range(len(dataset.label_names)), dataset.label_names)
    axis.set(title=f"{dataset.name}: faces by class and split", ylabel="faces")
    axis.legend()
    save(figure, path)


def draw_faces(dataset: Dataset, path: str | Path, count: int = 10, seed: int = 0) -> None:
    """Draw a grid of training faces, a row for each class. They are people's pictures: keep the file to yourself.

    Args:
        dataset: Needs the split train.
        path: PNG file to write.
        count: Faces of each class.
        seed: Seed of the draw.
    """
    rng = np.random.default_rng(seed)
    faces = dataset.split("train")
    figure = Figure(figsize=(count, len(dataset.label_names)), layout="constrained")
    axes = figure.subplots(len(dataset.label_names), count, squeeze=False)
    for label, (name, row) in enumerate(zip(dataset.label_names, axes, strict=True)):
        drawn = rng.permutation(np.flatnonzero(faces.labels == label))[:count]
        row[0].set_ylabel(name)
        for axis in row:
            axis.set(xticks=[], yticks=[])
        for axis, place in zip(row, drawn, strict=False):
            axis.imshow(faces.images[place], cmap="gray", vmin=0, vmax=255)
    save(figure, path)


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure; see `replacing` for how and for the errors."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
