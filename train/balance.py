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


def oversampled(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw an epoch in which the classes appear equally often, as long as one without drawing.

    Within a class no face appears once more than another before all have appeared.

    Args:
        labels: int [n] class of each face.
        rng: Random numbers of this epoch.

    Returns:
        int64 [n], places, class by class.
    """
    present = np.unique(labels)
    quotas = np.bincount(np.arange(len(labels)) % len(present))
    members = (rng.permutation(np.flatnonzero(labels == label)) for label in present)
    return np.concatenate([np.resize(m, quota) for m, quota in zip(members, quotas, strict=True)])
