"""The data set that needs no download: faces drawn from the statistics in `models.eigenfaces`."""

from __future__ import annotations

import numpy as np

from ..models.eigenfaces import SPREAD, load
from ..models.labels import FER2013_LABELS
from .dataset import Dataset, make_dataset
from .splits import SPLITS

EIGENFACES = "eigenfaces"
"""The name of this data set, given in place of a path."""


def dataset(
    count_train: int = 7000,
    count_validation: int = 1400,
    count_test: int = 1400,
    seed: int = 0,
    spread: float = SPREAD,
) -> Dataset:
    """Draw a data set from the shipped model, for training where there is no FER2013.

    Scores on it show that training and conversion work; they say nothing about real faces.

    Args:
        count_train: Faces in `train`, the classes equally often.
        count_validation: Faces in `validation`.
        count_test: Faces in `test`.
        seed: Seed of the draw; each split has its own random numbers.
        spread: See `models.eigenfaces.Eigenfaces.coefficients`.
    """
    counts = (count_train, count_validation, count_test)
    drawn = [load().sample(count, [seed, number], spread) for number, count in enumerate(counts)]
    images, labels = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    splits = np.repeat(SPLITS, counts).tolist()
    return make_dataset(EIGENFACES, FER2013_LABELS, images, labels.tolist(), splits)
