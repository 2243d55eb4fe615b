"""Trained networks that answer for the faces which a student learns from.

They answer for the faces that the student sees in an epoch, after all variation; or once, for each training face and
its mirror image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, MissingFileError
from ..models import registry
from ..models.files import read_bytes
from ..models.labels import LABELS
from ..models.preprocess import to_input, to_size
from ..models.runtime import LoadedModel
from .distillation import soften
from .heads import Head
from .runs import Run

_BATCH = 512


@dataclass(frozen=True)
class _Teacher:
    """Answers faces, uint8 [n, size, size], with float32 [n, classes] that are in proportion to probabilities."""

    answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    size: int
    labels: tuple[str, ...]
    weights: bytes


class Teachers:
    """Finished runs and model files whose answers are averaged.

    Args:
        names: None or more: run folders, names of shipped models and paths of .tflite files. In int8 a model file
            answers several times as fast as the network that it was made of.
        label_names: Labels of the student.
        temperature: Their logits are divided by it.
        head: Which head of a run answers.

    Attributes:
        weights: What their weights are in, file by file.

    Raises:
        DataError: A teacher has other labels, or its model file is no grey classifier with a record.
        MissingFileError: There is no such run, model or file.
        UsageError: A run has no such head.
    """

    def __init__(
        self, names: Sequence[str], label_names: Sequence[str], temperature: float, head: Head = "labels"
    ) -> None:
        self._temperature = temperature
        self._kept: NDArray[np.float32] | None = None
        self._teachers = [_from_file(name) if _is_file(name) else _from_run(name, head) for name in names]
        for name, teacher in zip(names, self._teachers, strict=True):
            if teacher.labels != tuple(label_names):
                raise DataError(
                    f"teacher {name} has the labels {', '.join(teacher.labels)} and the student "
                    f"{', '.join(label_names)}; both need the same labels in the same order"
                )
        self.weights = tuple(teacher.weights for teacher in self._teachers)

    def __bool__(self) -> bool:
        return bool(self._teachers)

    def __call__(
        self, faces: NDArray[np.uint8], on_face: Callable[[int, int], None] = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Answer for faces.

        Args:
            faces: uint8 [n, h, w].
            on_face: Called with the answers given and their total, over all teachers.

        Returns:
            Softened probabilities, float32 [n, classes].
        """
        total = np.zeros(0, np.float32)
        for place, teacher in enumerate(self._teachers):
            answers, size = [], (teacher.size, teacher.size)
            for start in range(0, len(faces), _BATCH):
                batch = np.stack([to_size(face, size) for face in faces[start : start + _BATCH]])
                answers.append(soften(teacher.answer(batch), self._temperature))
                on_face(place * len(faces) + start + len(batch), len(self._teachers) * len(faces))
            total = np.concatenate(answers) + (total if place else 0)
        return total / np.float32(len(self._teachers))

    def once(
        self, faces: NDArray[np.uint8], on_face: Callable[[int, int], None] = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Answer for faces and their mirror images, and return the mean of both; otherwise as a call.

        The answers are computed once and kept: call it with the same faces each time.
        """
        kept = self._kept
        if kept is None:
            both = np.concatenate([faces, faces[:, :, ::-1]])
            self._kept = kept = self(both, on_face).reshape(2, len(faces), -1).mean(0)
        return kept


def _is_file(name: str) -> bool:
    return Path(name).suffix == ".tflite" or name in registry.names()


def _from_run(folder: str, head: Head) -> _Teacher:
    try:
        run = Run.open(folder)
    except MissingFileError as error:
        raise MissingFileError(
            f"there is no teacher {folder}; train it first: ferlite train --recipe ... --out {folder}"
        ) from error
    network = run.network(head)
    return _Teacher(
        lambda faces: np.asarray(network.predict_on_batch(faces[..., None])),
        run.recipe.size,
        LABELS if head == "ferplus" else tuple(run.info["labels"]),
        read_bytes(run.folder / "best.keras"),
    )


def _from_file(name: str) -> _Teacher:
    path = registry.path(name)
    model = LoadedModel(path)
    record, entry = model.record, model.inputs[0]
    if record is None or record.task != "expression" or record.channels != "grey":
        raise DataError(f"teacher {path} is no classifier of grey faces with a record of ferlite")

    def answer(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        batch = to_input(faces, entry["dtype"], entry["quantization"], record.pixels)
        given = np.concatenate([model.run(batch[i : i + 1])[0] for i in range(len(batch))])
        # Probabilities up to a factor, which softening ignores.
        return given if record.output == "probabilities" else np.exp(given - given.max(1, keepdims=True))

    return _Teacher(answer, record.size[0], record.labels, read_bytes(path))
