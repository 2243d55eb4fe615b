"""Distillation: a network learns the softened answers of trained ones beside the labels (Hinton et al. 2015)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

_SMALLEST = 1e-7


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
