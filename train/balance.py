"""Classes of unequal number: weigh their faces, or show them equally often."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Balance = Literal["none", "class-weights", "oversampling"]


def class_weights(targets: NDArray[np.floating[Any]], power: float = 1) -> NDArray[np.float32]:
    """Return the weight of each class, with which the mean face counts 1.

    Args:
        targets: float [n, classes], the share of each class in each face.
        power: How far the classes are evened: with 1 each counts the same, with 0.5 as the square root of
            its faces (Mahajan et al. 2018), with 0 as many as it has.

    Returns:
        float32 [classes], 0 for a class without faces.
    """
    counts = targets.sum(0)
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts[present] ** -power
    return (weights * (counts.sum() / (weights @ counts))).astype(np.float32)


def oversampled(
    labels: NDArray[np.int64], sources: NDArray[np.int64], rng: np.random.Generator, power: float = 1
) -> NDArray[np.int64]:
    """Draw an epoch in which rare classes appear more often, as long as one without drawing.

    Within a class its sources appear equally often: were rare classes shown from one source and frequent
    ones from another, a network would learn to tell the sources apart. Within both, no face appears once
    more than another before all have appeared.

    Args:
        labels: int [n] class of each face.
        sources: int [n] which data each face comes from.
        rng: Random numbers of this epoch.
        power: See `class_weights`.

    Returns:
        int64 [n], places, class by class.
    """
    places = []
    classes, counts = np.unique(labels, return_counts=True)
    for count, label in zip(_quotas(len(labels), counts ** (1.0 - power)), classes, strict=True):
        present = np.unique(sources[labels == label])
        for quota, source in zip(_quotas(count, np.ones(len(present))), present, strict=True):
            members = rng.permutation(np.flatnonzero((labels == label) & (sources == source)))
            places.append(np.resize(members, quota))
    return np.concatenate(places)


def _quotas(total: int, shares: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Divide a number into whole parts by their shares."""
    ends = np.rint(total * np.cumsum(shares) / shares.sum()).astype(np.int64)
    return np.diff(ends, prepend=0)
