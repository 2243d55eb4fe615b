"""What to do about classes of unequal number: weigh their faces, or show them equally often."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Balance = Literal["none", "class-weights", "oversampling"]


def class_weights(targets: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the weight of each class by which every class counts the same and the mean face counts 1.

    Args:
        targets: float [n, classes], the share of each class in each face.

    Returns:
        float32 [classes], 0 for a class without faces.
    """
    counts = targets.sum(0)
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights.astype(np.float32)


def oversampled(labels: NDArray[np.int64], sources: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw an epoch in which the classes appear equally often, as long as one without drawing.

    Within a class its sources appear equally often: were rare classes shown from one source and frequent
    ones from another, a network would learn to tell the sources apart. Within both, no face appears once
    more than another before all have appeared.

    Args:
        labels: int [n] class of each face.
        sources: int [n] which data each face comes from.
        rng: Random numbers of this epoch.

    Returns:
        int64 [n], places, class by class.
    """
    places = []
    for count, label in zip(_quotas(len(labels), len(np.unique(labels))), np.unique(labels), strict=True):
        present = np.unique(sources[labels == label])
        for quota, source in zip(_quotas(count, len(present)), present, strict=True):
            members = rng.permutation(np.flatnonzero((labels == label) & (sources == source)))
            places.append(np.resize(members, quota))
    return np.concatenate(places)


def _quotas(total: int, parts: int) -> NDArray[np.int64]:
    """Divide a number into parts as equal as can be."""
    return np.bincount(np.arange(total) % parts, minlength=parts)
