"""The splits of a data set: their names, and drawing faces for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import unknown

SPLITS = ("train", "validation", "test")

FER2013_SPLITS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
ALL = "all"
"""In place of a split's name: every face."""


def split_name(name: str) -> str:
    """Return `train`, `validation` or `test` for one of these or for FER2013's name of it."""
    by_lower = {k.lower(): v for k, v in FER2013_SPLITS.items()} | {s: s for s in SPLITS}
    try:
        return by_lower[name.lower()]
    except KeyError:
        raise unknown("split", name, [*SPLITS, *FER2013_SPLITS]) from None


def draw_validation(labels: Sequence[int], splits: Sequence[str], seed: int) -> list[str]:
    """Give a tenth of `train` to `validation`, class by class; returns the new splits."""
    rng = np.random.default_rng(seed)
    result = np.array(splits, dtype=object)
    for label in sorted(set(labels)):
        places = np.flatnonzero((np.array(labels) == label) & (result == "train"))
        result[rng.permutation(places)[: len(places) // 10]] = "validation"
    return result.tolist()


def balanced_draw(labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Draw places so that the classes are as equal in number as the data allow.

    Args:
        labels: int [n] class of each face.
        count: How many to draw; at most n are.
        seed: Seed of the draw; the same seed draws the same places in the same order.

    Returns:
        int64 [min(count, n)], shuffled.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    # Deal the classes in turn: a face's turn is how many of its class were dealt before it.
    turns = np.zeros(len(labels), np.int64)
    seen: dict[int, int] = {}
    for place in order:
        label = int(labels[place])
        turns[place] = seen[label] = seen.get(label, -1) + 1
    return rng.permutation(order[np.argsort(turns[order], kind="stable")][:count])
