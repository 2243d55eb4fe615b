"""From the data as they were read to the faces that a recipe trains and validates on.

A pure function of data and recipe, so that whoever comes later (conversion, a study) has the same
faces in the same splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..models.errors import DataError, unknown
from .datasets import Dataset, Faces, balanced_draw, identical_to
from .folds import divide
from .recipes import Recipe


def prepare(dataset: Dataset, recipe: Recipe) -> Dataset:
    """Size, labels, splits, duplicates and draw of a recipe, in this order.

    Args:
        dataset: As it was read.
        recipe: `size`, `merge`, `labels`, `splits`, `folds`, `fold`, `dedupe`, `share`, `draw` and `seed` count.

    Returns:
        The faces to work with, under the name and hash of what was read.

    Raises:
        UnknownNameError: The recipe keeps or merges into a label that the data do not have.
        DataError: There are too few faces for the folds.
    """
    dataset = relabelled(dataset.resized(recipe.size), recipe.merge, recipe.labels)
    dataset = divide(dataset, recipe.splits, recipe.folds, recipe.fold, recipe.seed)
    faces = dataset.split("train")
    if recipe.dedupe:
        faces = _not_held_out(faces, dataset)
    if recipe.share < 1:
        faces = faces[_share(faces.labels, recipe.share, recipe.seed)]
    if recipe.draw:
        faces = faces[balanced_draw(faces.labels, recipe.draw, recipe.seed)]
    return replace(dataset, splits=dataset.splits | {"train": faces})


def additional(extra: Dataset, dataset: Dataset, recipe: Recipe) -> Faces:
    """Return the Training faces of a second data set that may be added to those of the first.

    Args:
        extra: As it was read. Only its split `train` is looked at.
        dataset: What `prepare` made of the first data set.
        recipe: Its `size`, `merge` and labels are applied.

    Returns:
        Faces with the labels of `dataset`, none of them pixel-identical to one that it holds out. They are
        rows of another file: their row is -1, and their groups are none of the first.

    Raises:
        UnknownNameError: It has no split `train`.
        DataError: It has no face with one of the labels.
    """
    alone = replace(extra, splits={"train": extra.split("train")})
    kept = [name for name in dataset.label_names if name in _merged(extra.label_names, recipe.merge)]
    if not kept:
        raise DataError(f"{extra.name} has none of the labels {', '.join(dataset.label_names)}")
    faces = relabelled(alone.resized(recipe.size), recipe.merge, kept).split("train")
    codes = np.array([dataset.label_names.index(name) for name in kept])
    behind = 1 + max(int(part.groups.max()) for part in dataset.splits.values())
    faces = replace(
        faces, labels=codes[faces.labels], rows=np.full(len(faces), -1, np.int64), groups=faces.groups + behind
    )
    return _not_held_out(faces, dataset)


def relabelled(dataset: Dataset, merge: Mapping[str, str], labels: Sequence[str]) -> Dataset:
    """Merge labels, then keep some.

    Args:
        dataset: Any.
        merge: Label by the label that becomes it, for instance `{"contempt": "disgust"}`.
        labels: The labels to keep, in their new order; with none those that the data have after merging.

    Returns:
        The data set without the faces of other labels, and without splits that are empty then.

    Raises:
        UnknownNameError: A label to keep is not in the data after merging.
    """
    merged = _merged(dataset.label_names, merge)
    names = tuple(labels or dict.fromkeys(merged))
    for name in names:
        if name not in merged:
            raise unknown(f"label in {dataset.name}", name, dict.fromkeys(merged))
    # -1 for labels that are not kept.
    codes = np.array([names.index(name) if name in names else -1 for name in merged])

    def relabel(faces: Faces) -> Faces:
        faces = replace(faces, labels=codes[faces.labels])
        return faces[faces.labels >= 0]

    splits = {name: relabel(faces) for name, faces in dataset.splits.items()}
    return replace(dataset, label_names=names, splits={name: faces for name, faces in splits.items() if len(faces)})


def _share(labels: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Return the places of a share of each class, at least one face of each, in their order."""
    rng = np.random.default_rng(seed)
    drawn = [
        rng.permutation(np.flatnonzero(labels == label))[: max(1, round(share * (labels == label).sum()))]
        for label in np.unique(labels)
    ]
    return np.sort(np.concatenate(drawn))


def _merged(names: Sequence[str], merge: Mapping[str, str]) -> list[str]:
    return [merge.get(name, name) for name in names]


def _not_held_out(faces: Faces, dataset: Dataset) -> Faces:
    """Drop the faces that are pixel-identical to one outside the split `train`."""
    for held_out in (part for name, part in dataset.splits.items() if name != "train"):
        faces = faces[~identical_to(faces, held_out)]
    return faces
