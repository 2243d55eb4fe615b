"""The few formulas behind the uncertainty of a result; numpy only, so that a Pi has them too."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ..data.metrics import wilson
from ..data.results.environment import Interval
from ..data.results.latency import Histogram


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
    right_a: NDArray[np.bool_],
    right_b: NDArray[np.bool_],
    groups: NDArray[np.int64] | None = None,
    rounds: int = 10_000,
    seed: int = 0,
) -> tuple[float, Interval]:
    """Return accuracy of b minus accuracy of a, with its paired-bootstrap 95 % interval.

    Args:
        right_a: bool [n], whether the first classifier was right on each sample.
        right_b: bool [n], the same of the second, in the same order.
        groups: int [n], equal for samples that depend on each other, as pictures of one person do: whole
            groups are drawn then (Davison and Hinkley 1997, 3.8). None where every sample stands alone.
        rounds: Bootstrap samples.
        seed: Of the bootstrap.

    Returns:
        Difference and interval, as shares.
    """
    count = len(right_a)
    if groups is not None:
        _, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        gains = np.bincount(which, right_b.astype(int) - right_a.astype(int))
        generator = np.random.default_rng(seed)
        places = (generator.integers(len(sizes), size=len(sizes)) for _ in range(rounds))
        low, high = np.percentile([gains[drawn].sum() / sizes[drawn].sum() for drawn in places], [2.5, 97.5])
        return float(gains.sum() / count), (float(low), float(high))
    gained, lost = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum())
    # To draw samples with replacement and look only at their kind is to draw from a multinomial.
    kinds = np.array([gained, lost, count - gained - lost]) / count
    drawn = np.random.default_rng(seed).multinomial(count, kinds, size=rounds)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / count, [2.5, 97.5])
    return (gained - lost) / count, (float(low), float(high))


def newcombe(share_a: float, count_a: int, share_b: float, count_b: int) -> Interval:
    """Return the 95 % interval of b - a of two independent shares (Newcombe 1998, method 10).

    Args:
        share_a: First share, 0 to 1.
        count_a: Samples behind it.
        share_b: Second share.
        count_b: Samples behind it.
    """
    low_a, high_a = wilson(round(share_a * count_a), count_a)
    low_b, high_b = wilson(round(share_b * count_b), count_b)
    difference = share_b - share_a
    return (
        difference - math.hypot(share_b - low_b, high_a - share_a),
        difference + math.hypot(high_b - share_b, share_a - low_a),
    )


def histogram(values: NDArray[np.float64], bins: int = 60) -> Histogram:
    """Return counts over equal bins from the smallest value to the 99th percentile, at most twice the median.

    Args:
        values: float [n].
        bins: Number of bins.
    """
    low = float(values.min())
    high = float(min(np.quantile(values, 0.99), 2 * np.median(values)))
    counts, edges = np.histogram(values, bins, (low, max(high, low * (1 + 1e-6) + 1e-12)))
    return {
        "start": low,
        "step": float(edges[1] - edges[0]),
        "counts": counts.tolist(),
        "above": int(len(values) - counts.sum()),
    }


def quantile(values: NDArray[np.float64], share: float) -> tuple[float, Interval]:
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
