"""From the data as they were read to the faces that a recipe trains and validates on.

A pure function of data and recipe, so that conversion and studies get the same faces in the same splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Dataset, Faces, identical_to
from ..data.ferplus import Votes
from ..data.splits import balanced_draw
from ..errors import DataError, UsageError, unknown
from ..models.labels import LABELS
from .folds import divide
from .recipes import Recipe


def prepare(dataset: Dataset, recipe: Recipe, votes: Votes | None = None) -> Dataset:
    """Apply labels, size, splits, duplicates and draw of a recipe, in this order.

    Args:
        dataset: As it was read.
        recipe: Its `size`, `votes`, `ferplus_head`, `merge`, `labels`, `splits`, `folds`, `fold`, `dedupe`,
            `drop_not_a_face`, `share`, `draw` and `seed`.
        votes: Votes for the rows of `dataset`, which a recipe with `votes`, `ferplus_head` or `drop_not_a_face` needs.

    Returns:
        The faces to work with, under the name and hash of what was read.

    Raises:
        UnknownNameError: The recipe keeps or merges into a label that the data do not have.
        DataError: There are too few faces for the folds, or the votes are for other data.
        UsageError: The recipe needs votes and there are none, or the other way round.
    """
    if recipe.needs_votes != (votes is not None):
        raise UsageError(
            f"recipe {recipe.name!r} needs the votes of FER+: give --votes fer2013new.csv"
            if votes is None
            else f"recipe {recipe.name!r} has no use for votes: set its key votes, or leave --votes out"
        )
    if votes:
        votes.check(dataset)
        dataset = votes.labelled(dataset) if recipe.labelled_by_votes else dataset
    dataset = relabelled(dataset, recipe.merge, recipe.labels).resized(recipe.size)
    dataset = divide(dataset, recipe.splits, recipe.folds, recipe.fold, recipe.seed)
    faces = dataset.split("train")
    if recipe.dedupe:
        faces = _not_held_out(faces, dataset)
    if votes and recipe.drop_not_a_face:
        faces = faces[votes.is_face[faces.rows]]
    if recipe.share < 1:
        faces = faces[_share(faces.labels, recipe.share, recipe.seed)]
    if recipe.draw:
        faces = faces[balanced_draw(faces.labels, recipe.draw, recipe.seed)]
    return replace(dataset, splits=dataset.splits | {"train": faces})


def targets(faces: Faces, label_names: Sequence[str], recipe: Recipe, votes: Votes | None) -> NDArray[np.float32]:
    """Return the training targets of faces: float32 [n, labels], each with the sum 1.

    Args:
        faces: From `prepare`; faces with row -1 have no votes and get their label.
        label_names: Their labels.
        recipe: Its `votes`, `votes_weight` and `merge`.
        votes: As given to `prepare`.
    """
    result = np.eye(len(label_names), dtype=np.float32)[faces.labels]
    if votes and recipe.votes != "none":
        voted = np.flatnonzero(faces.rows >= 0)
        shares = votes.targets(faces.rows[voted], label_names, recipe.merge, soft=recipe.votes == "soft")
        # Where all votes went to labels that are not kept, the label of the data counts alone.
        weight = recipe.votes_weight * shares.sum(1, keepdims=True)
        result[voted] = recipe.votes_weight * shares + (1 - weight) * result[voted]
    return result


def vote_targets(faces: Faces, recipe: Recipe, votes: Votes | None, *, soft: bool = True) -> NDArray[np.float32] | None:
    """Return the targets of the second head for faces.

    Args:
        faces: From `prepare`; faces with row -1 have no votes.
        recipe: Its `ferplus_head`.
        votes: As given to `prepare`.
        soft: Whether each emotion gets its share of the votes, or the one with the most gets all.

    Returns:
        float32 [n, 8] in the order of `LABELS`, or None without a second head. A row has the sum 1, or is 0 throughout
        if the face has no votes, or "unknown" or "not a face" has at least as many as any emotion.
    """
    if not (votes and recipe.ferplus_head):
        return None
    result = np.zeros((len(faces), len(LABELS)), np.float32)
    known = np.flatnonzero(faces.rows >= 0)
    known = known[votes.is_face[faces.rows[known]]]
    result[known] = votes.targets(faces.rows[known], LABELS, {}, soft=soft)
    return result


def additional(extra: Dataset, dataset: Dataset, recipe: Recipe) -> Faces:
    """Return the Training faces of a second data set that may be added to those of the first.

    Args:
        extra: As it was read. Only its split `train` is looked at.
        dataset: What `prepare` made of the first data set.
        recipe: Its `size`, `merge` and labels are applied.

    Returns:
        Faces with the labels of `dataset`, none of them pixel-identical to a held-out one. They come from
        another file: their row is -1, and their groups differ from those of `dataset`.

    Raises:
        UnknownNameError: It has no split `train`.
        DataError: It has no face with one of the labels.
    """
    alone = replace(extra, splits={"train": extra.split("train")})
    kept = [name for name in dataset.label_names if name in _merged(extra.label_names, recipe.merge)]
    if not kept:
        raise DataError(f"{extra.name} has none of the labels {', '.join(dataset.label_names)}")
    faces = relabelled(alone, recipe.merge, kept).resized(recipe.size).split("train")
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
        merge: New label of each merged label, for instance `{"contempt": "disgust"}`.
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
