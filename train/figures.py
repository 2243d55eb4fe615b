"""The pictures a run leaves: learning curves and a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..models.files import replacing
from .metrics import Scores


def draw_curves(history: Sequence[Mapping[str, float]], path: str | Path) -> None:
    """Draw loss and accuracy by epoch, for training and validation.

    Args:
        history: One mapping for each epoch, as in history.csv.
        path: PNG file to write.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axis, name, title in zip(figure.subplots(1, 2), ("loss", "accuracy"), ("Loss", "Accuracy"), strict=True):
        axis.plot(epochs, [row[name] for row in history], label="training (augmented)")
        axis.plot(epochs, [row[f"val_{name}"] for row in history], label="validation")
        axis.set(title=title, xlabel="epoch")
        axis.grid(alpha=0.3)
        axis.legend()
    best = max(history, key=lambda row: row["val_accuracy"])
    figure.axes[1].plot(best["epoch"], best["val_accuracy"], "ko")
    figure.axes[1].annotate(
        f"{best['val_accuracy']:.1%}",
        (best["epoch"], best["val_accuracy"]),
        textcoords="offset points",
        xytext=(0, 7),
        ha="center",
    )
    _save(figure, path)


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
    _save(figure, path)


def _save(figure: Figure, path: str | Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
