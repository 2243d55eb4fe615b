"""Scores of a classifier on labelled faces, and of its confidence. Needs no TensorFlow and nothing but numpy.

A Raspberry Pi measures accuracy with the device installation alone, hence these few formulas here
instead of scikit-learn and scipy, which together are larger than everything else on the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .results.accuracy import ReliabilityBin, ScoreFields


@dataclass(frozen=True)
class Scores:
    """The scores of a classifier on one split.

    Attributes:
        count: Faces scored.
        accuracy: Share of faces labelled right.
        interval: 95 % Wilson interval of the accuracy.
        balanced_accuracy: Mean recall of the classes present.
        macro_f1: Mean F1 of the classes present.
        recall: Recall by label; None for a class without faces.
        confusion: Counts [true][predicted], in the order of `recall`.
    """

    count: int
    accuracy: float
    interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float
    recall: dict[str, float | None]
    confusion: list[list[int]]

    def to_json(self) -> ScoreFields:
        """Return plain values for a JSON file."""
        return {
            "count": self.count,
            "accuracy": self.accuracy,
            "interval": self.interval,
            "balanced_accuracy": self.balanced_accuracy,
            "macro_f1": self.macro_f1,
            "recall": self.recall,
            "confusion": self.confusion,
        }


def score(predicted: NDArray[np.int64], labels: NDArray[np.int64], label_names: tuple[str, ...]) -> Scores:
    """Score predicted classes against the true ones.

    Args:
        predicted: int [n] predicted class.
        labels: int [n] true class.
        label_names: Name of each class.
    """
    counts = confusion_matrix(predicted, labels, len(label_names))
    right = np.diag(counts)
    true, guessed = counts.sum(1), counts.sum(0)
    present = true > 0
    recall = np.divide(right, true, out=np.zeros(len(right)), where=present)
    f1 = np.divide(2 * right, true + guessed, out=np.zeros(len(right)), where=(true + guessed) > 0)
    return Scores(
        count=len(labels),
        accuracy=float(right.sum() / max(len(labels), 1)),
        interval=wilson(int(right.sum()), len(labels)),
        balanced_accuracy=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        recall={n: float(r) if p else None for n, r, p in zip(label_names, recall, present, strict=True)},
        confusion=counts.tolist(),
    )


def binary_accuracy(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.int64]) -> float:
    """Return the share of right entries when each class is a yes or no of its own, at 0.5.

    Keras' `BinaryAccuracy`. With many classes most entries are correct negatives, so it is far above
    accuracy; published figures confuse the two.

    Args:
        probabilities: float [n, classes].
        labels: int [n] true class.
    """
    true = labels[:, None] == np.arange(probabilities.shape[1])
    return float(((probabilities > 0.5) == true).mean())


def confusion_matrix(predicted: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count pairs: int64 [classes, classes], row the true class, column the predicted one."""
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def reliability(probabilities: NDArray[np.float32], labels: NDArray[np.int64], bins: int = 15) -> list[ReliabilityBin]:
    """Return how often a classifier is right, by how sure it is, over equal bins of confidence (Guo et al. 2017).

    Args:
        probabilities: float [n, classes].
        labels: int [n].
        bins: Bins between 0 and 1.

    Returns:
        The bins that are not empty, the lowest first.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    counts, sure, good = (np.bincount(which, weights, bins) for weights in (None, confidence, right.astype(float)))
    return [
        {
            "low": place / bins,
            "high": (place + 1) / bins,
            "count": int(counts[place]),
            "confidence": float(sure[place] / counts[place]),
            "accuracy": float(good[place] / counts[place]),
        }
        for place in np.flatnonzero(counts).tolist()
    ]


def calibration_error(bins: list[ReliabilityBin]) -> float:
    """Return the expected calibration error of what `reliability` returned (Guo et al. 2017)."""
    gaps = [row["count"] * abs(row["accuracy"] - row["confidence"]) for row in bins]
    return sum(gaps) / max(1, sum(row["count"] for row in bins))


def wilson(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927, JASA 22).

    Args:
        right: Successes.
        count: Trials; with none the interval is [0, 1].
        confidence: Of the interval.
    """
    if not count:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
