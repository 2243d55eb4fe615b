"""The faces of an epoch: drawn, varied, mixed, answered by teachers, in random order.

Everything is a function of the recipe's seed and the epoch's number, so that a resumed run sees what an
uninterrupted one would have seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Faces
from .augment import augment, mix
from .balance import class_weights, oversampled
from .recipes import Recipe
from .teachers import Teachers


@dataclass(frozen=True)
class Epoch:
    """The faces of one epoch in the order they are shown in.

    Attributes:
        images: uint8 [n, h, w, 1].
        targets: float32 [n, classes]; with a second head 8 columns more, see `heads.HeadsLoss`; with teachers as many
            more as there are classes, see `distillation.DistillationLoss`.
        weights: float32 [n], how much each face counts; None where all count the same.
        seconds: What making it took: `augmentation_seconds`, with teachers also `teacher_seconds`.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    seconds: dict[str, float]


def make_epoch(
    number: int,
    faces: Faces,
    targets: NDArray[np.float32],
    recipe: Recipe,
    teachers: Teachers | None = None,
    on_teacher: Callable[[int, int], None] = lambda done, total: None,
    *,
    shares: NDArray[np.float32] | None = None,
    ferplus_teachers: Teachers | None = None,
) -> Epoch:
    """Make an epoch, as long as the training split whatever the recipe draws.

    Args:
        number: Of the epoch, from 0.
        faces: The training split, n faces.
        targets: float32 [n, classes] of them.
        recipe: Its `seed`, `balance`, `balance_power`, `augmentation` and `distillation`.
        teachers: Networks that answer for the faces as they are shown, or `once` for all epochs.
        on_teacher: Called with the answers given and their total.
        shares: float32 [n, 8], the targets of the second head; None without one.
        ferplus_teachers: Networks that answer for the faces as they are shown, into the targets of the second head.
    """
    learnt, seconds = targets if shares is None else np.concatenate([targets, shares], axis=1), {}
    if teachers and recipe.distillation.once:
        start = time.perf_counter()
        learnt = np.concatenate([learnt, teachers.once(faces.images, on_teacher)], axis=1)
        seconds["teacher_seconds"] = time.perf_counter() - start
    start = time.perf_counter()
    shown = np.arange(len(faces))
    if recipe.balance == "oversampling":
        # Rows of additional data are -1.
        shown = oversampled(
            faces.labels,
            (faces.rows < 0).astype(np.int64),
            np.random.default_rng((recipe.seed, number, 2)),
            recipe.balance_power,
        )
    images = augment(faces.images[shown], recipe.augmentation, recipe.seed, number)
    images, wanted = mix(images, learnt[shown], recipe.augmentation, recipe.seed, number)
    order = np.random.default_rng((recipe.seed, number, 1)).permutation(len(faces))
    images, wanted = images[order], wanted[order]
    weights = None
    if recipe.balance == "class-weights":
        weights = wanted[:, : targets.shape[1]] @ class_weights(targets, recipe.balance_power)
    seconds["augmentation_seconds"] = time.perf_counter() - start
    start = time.perf_counter()
    if ferplus_teachers:
        _blend(wanted[:, targets.shape[1] :], ferplus_teachers(images, on_teacher), recipe.distillation.ferplus_weight)
        seconds["teacher_seconds"] = time.perf_counter() - start
    if teachers and not recipe.distillation.once:
        wanted = np.concatenate([wanted, teachers(images, on_teacher)], axis=1)
        seconds["teacher_seconds"] = time.perf_counter() - start
    return Epoch(images[..., None], wanted, weights, seconds)


def _blend(shares: NDArray[np.float32], answers: NDArray[np.float32], weight: float) -> None:
    """Put answers into targets in place; a face that has none to learn from keeps none."""
    known = shares.any(axis=1)
    shares[known] = (1 - weight) * shares[known] + weight * answers[known]
