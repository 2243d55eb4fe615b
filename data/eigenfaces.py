"""The data set that needs no download: faces drawn from the statistics in `models.eigenfaces`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..models.eigenfaces import SIDE, SPREAD, load
from ..models.labels import FER2013_LABELS
from .dataset import Dataset, make_dataset
from .splits import SPLITS

EIGENFACES = "eigenfaces"
"""The name of this data set, given in place of a path."""

_COUNTS = (7000, 1400, 1400)
_SEED = 0


def dataset(
    count_train: int = _COUNTS[0],
    count_validation: int = _COUNTS[1],
    count_test: int = _COUNTS[2],
    seed: int = _SEED,
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


def draw_again(rows: Sequence[int]) -> NDArray[np.uint8]:
    """Draw single faces of the data set that `dataset` makes by default.

    Args:
        rows: Rows of the faces, see `dataset.Faces`. Each split with one of them is drawn whole.

    Returns:
        uint8 [n, 48, 48].
    """
    images = np.empty((len(rows), SIDE, SIDE), np.uint8)
    wanted = np.array(rows, np.int64)
    start = 0
    for number, count in enumerate(_COUNTS):
        drawn = (wanted >= start) & (wanted < start + count)
        if drawn.any():
            images[drawn] = load().sample(count, [_SEED, number])[0][wanted[drawn] - start]
        start += count
    return images
