"""Distillation: a network learns the softened answers of trained ones beside the labels (Hinton et al. 2015).

The teachers answer for the faces that the student sees in an epoch, after all variation; or once, for each training
face and its mirror image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from ..errors import DataError, MissingFileError
from ..models.files import read_bytes, sha256
from ..models.preprocess import to_size
from .runs import Run

_BATCH = 512
_SMALLEST = 1e-7


class Teachers:
    """Finished runs whose answers are averaged.

    Args:
        folders: Their run folders.
        label_names: Labels of the student.
        temperature: Their logits are divided by it.

    Attributes:
        sha256: Hash of the teachers' weights.

    Raises:
        DataError: A teacher has other labels.
        MissingFileError: A folder is not a finished run.
    """

    def __init__(self, folders: Sequence[str], label_names: Sequence[str], temperature: float) -> None:
        self._temperature = temperature
        self._networks: list[tuple[Any, int]] = []
        self._kept: NDArray[np.float32] | None = None
        weights: list[bytes] = []
        for folder in folders:
            try:
                run = Run.open(folder)
            except MissingFileError as error:
                raise MissingFileError(
                    f"there is no teacher {folder}; train it first: ferlite train --recipe ... --out {folder}"
                ) from error
            if run.info["labels"] != list(label_names):
                raise DataError(
                    f"teacher {folder} has the labels {', '.join(run.info['labels'])} and the student "
                    f"{', '.join(label_names)}; both need the same labels in the same order"
                )
            weights.append(read_bytes(run.folder / "best.keras"))
            self._networks.append((run.network(), run.recipe.size))
        self.sha256 = sha256(*weights)

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
        for place, (network, size) in enumerate(self._networks):
            answers = []
            for start in range(0, len(faces), _BATCH):
                batch = np.stack([to_size(face, (size, size)) for face in faces[start : start + _BATCH]])
                answers.append(soften(network.predict_on_batch(batch[..., None]), self._temperature))
                on_face(place * len(faces) + start + len(batch), len(self._networks) * len(faces))
            total = np.concatenate(answers) + (total if place else 0)
        return total / np.float32(len(self._networks))

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


def soften(probabilities: Any, temperature: float) -> NDArray[np.float32]:
    """Return the softmax of logits divided by a temperature, from the probabilities of the logits alone.

    Log probabilities equal the logits up to a constant for each face, which a softmax ignores.
    """
    logits = np.log(np.maximum(np.asarray(probabilities, np.float32), _SMALLEST)) / temperature
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


@keras.saving.register_keras_serializable("ferlite")
class DistillationLoss(keras.losses.Loss):
    """(1 - weight) * loss of the label + weight * temperature ** 2 * cross-entropy with the teachers.

    Targets are float [n, 2 * classes]: those of the labels, then the teachers' softened probabilities.
    With [n, classes], as in validation, the loss is that of the label alone.

    Args:
        label_loss: Loss of the label.
        weight: Weight of the teachers, 0 to 1.
        temperature: Divides the student's logits as it did the teachers'. Its square keeps the size of
            the gradient (Hinton et al. 2015, section 2).
    """

    def __init__(self, label_loss: keras.losses.Loss, weight: float, temperature: float) -> None:
        super().__init__(name="distillation")
        self.label_loss, self.weight, self.temperature = label_loss, weight, temperature

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each face, float [n]."""
        classes = y_pred.shape[-1]
        of_label = self.label_loss.call(y_true[:, :classes], y_pred)
        if y_true.shape[-1] == classes:
            return of_label
        logits: Any = ops.log(ops.maximum(y_pred, _SMALLEST))
        softened: Any = ops.log_softmax(logits / self.temperature)
        of_teacher: Any = ops.sum(-y_true[:, classes:] * softened, axis=-1)
        return (1 - self.weight) * of_label + self.weight * self.temperature**2 * of_teacher

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {
            "label_loss": keras.saving.serialize_keras_object(self.label_loss),
            "weight": self.weight,
            "temperature": self.temperature,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DistillationLoss:
        """Make a loss of what `get_config` gave."""
        return cls(**config | {"label_loss": keras.saving.deserialize_keras_object(config["label_loss"])})


@keras.saving.register_keras_serializable("ferlite")
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return whether each face's label is the answer, for targets with the teachers' part behind them."""
    return keras.metrics.categorical_accuracy(y_true[:, : y_pred.shape[-1]], y_pred)
