"""The few formulas behind the uncertainty of a result; numpy only, so that a Pi has them too."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of McNemar's exact test (McNemar 1947; exact binomial form).

    Args:
        only_a: Samples that only the first classifier got right.
        only_b: Samples that only the second got right.
    """
    count = only_a + only_b
    tail = sum(math.comb(count, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / 2**count)


def paired_difference(
    right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], rounds: int = 10_000, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Return accuracy of b minus accuracy of a, with its paired-bootstrap 95 % interval.

    Args:
        right_a: bool [n], whether the first classifier was right on each sample.
        right_b: bool [n], the same of the second, in the same order.
        rounds: Bootstrap samples.
        seed: Of the bootstrap.

    Returns:
        Difference and interval, as shares.
    """
    count = len(right_a)
    gained, lost = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum())
    # To draw samples with replacement and look only at their kind is to draw from a multinomial.
    kinds = np.array([gained, lost, count - gained - lost]) / count
    drawn = np.random.default_rng(seed).multinomial(count, kinds, size=rounds)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / count, [2.5, 97.5])
    return (gained - lost) / count, (float(low), float(high))


def calibration_error(probabilities: NDArray[np.float32], labels: NDArray[np.int64], bins: int = 15) -> float:
    """Return the expected calibration error over equal bins of confidence (Guo et al. 2017).

    Args:
        probabilities: float [n, classes].
        labels: int [n].
        bins: Bins between 0 and 1.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(which, right.astype(float), bins) - np.bincount(which, confidence, bins)
    return float(np.abs(gap).sum() / len(labels))


def quantile(values: NDArray[np.float64], share: float) -> tuple[float, tuple[float, float]]:
    """Return a quantile with its 95 % interval from order statistics (no distribution assumed).

    Args:
        values: float [n], in any order.
        share: 0.5 for the median.
    """
    ordered = np.sort(values)
    count = len(ordered)
    half = NormalDist().inv_cdf(0.975) * math.sqrt(count * share * (1 - share))
    low = ordered[max(0, math.floor(count * share - half))]
    high = ordered[min(count - 1, math.ceil(count * share + half))]
    return float(np.quantile(ordered, share)), (float(low), float(high))
