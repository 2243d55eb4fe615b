"""Cross-validation: assign faces to folds, as a pure function of labels, groups and seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Dataset, Faces
from ..errors import DataError

Splits = Literal["official", "stratified", "by-person"]

_VALIDATION = 10  # one part in so many of what is not the test fold


def deal(labels: NDArray[np.int64], groups: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Deal groups to folds so that each fold has its part of every class.

    Greedy, the largest group first: a group goes to the fold where its classes are scarcest so far. With
    each face its own group, the folds' counts of a class differ by one at most. The idea is that of
    scikit-learn's StratifiedGroupKFold.

    Args:
        labels: int [n] class of each face.
        groups: int [n]; faces of the same group are not parted.
        folds: Number of folds.
        seed: Of the order among groups of one size.

    Returns:
        int64 [n], fold of each face, from 0.
    """
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    classes = int(labels.max(initial=0)) + 1
    held = np.zeros((len(sizes), classes), np.int64)
    np.add.at(held, (group_of, labels), 1)
    # In shares of a class, so that the rare ones weigh as much as the frequent ones.
    weight = 1 / np.maximum(held.sum(0), 1) ** 2
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    dealt = np.zeros((folds, classes), np.int64)
    fold_of = np.zeros(len(sizes), np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        # The sum of squared shares grows least there; among equals the smallest fold.
        fold = np.lexsort((dealt.sum(1), dealt @ (held[group] * weight)))[0]
        fold_of[group] = fold
        dealt[fold] += held[group]
    return fold_of[group_of]


def divide(dataset: Dataset, method: Splits, folds: int, fold: int, seed: int) -> Dataset:
    """Divide a data set anew: fold number `fold` is `test`, a tenth of the rest `validation`.

    The data set's own test split is left out, so that it can still score what cross-validation chose.

    Args:
        dataset: Faces with labels and groups.
        method: `stratified` parts faces of the same person, `by-person` does not. `official` changes nothing.
        folds: Number of folds.
        fold: Which of them is `test`.
        seed: Of the division.

    Raises:
        DataError: There are fewer faces or persons than folds.
    """
    if method == "official":
        return dataset
    faces = Faces.joined([part for name, part in dataset.splits.items() if name != "test"])
    faces = faces[np.argsort(faces.rows)]  # whatever the divisions were before
    groups = faces.groups if method == "by-person" else faces.rows
    tested = deal(faces.labels, groups, folds, seed) == fold
    rest = faces[~tested]
    held = deal(rest.labels, groups[~tested], _VALIDATION, seed) == 0
    splits = {"train": rest[~held], "validation": rest[held], "test": faces[tested]}
    if not all(map(len, splits.values())):
        raise DataError(f"{dataset.name} has too few faces or persons for {folds} folds; lower folds in the recipe")
    return replace(dataset, splits=splits)
