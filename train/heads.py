"""A second head, which learns the votes of FER+ while the first learns the labels (Caruana 1997, "Multitask Learning").

Both read the features of one trunk. A network with two heads has one output, the probabilities of the labels and
behind them those of `LABELS`, so that its targets can be varied and mixed like those of any other.
"""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras import layers, ops

from ..models.labels import LABELS
from .networks.base import Penalty

Head = Literal["labels", "ferplus"]
"""The labels of the data, or the eight emotions of FER+."""

LOGITS = "ferplus_logits"
"""The layer of the second head that has weights."""

_SMALLEST = 1e-7


def add(model: Any, penalty: Penalty = None) -> Any:
    """Give a network the second head.

    Args:
        model: From `networks.build.build_network`.
        penalty: On the kernel of the new layer.

    Returns:
        A network on the same layers: float32 [n, classes + 8], the first head's probabilities and the second's. The
        one that was given shares the weights, and goes on to be the first head alone.
    """
    features = model.get_layer("logits").input
    x = layers.Dense(len(LABELS), kernel_regularizer=penalty, dtype="float32", name=LOGITS)(features)
    x = layers.Softmax(dtype="float32", name="ferplus_probabilities")(x)
    both = layers.Concatenate(dtype="float32", name="both")([model.output, x])
    return keras.Model(model.input, both, name=model.name)


def first(model: Any) -> Any:
    """Return the first head of a network as one that has no other, on the same layers; the network if it has none."""
    if all(layer.name != LOGITS for layer in model.layers):
        return model
    return keras.Model(model.input, model.get_layer("probabilities").output, name=model.name)


@keras.saving.register_keras_serializable("ferlite")
class HeadsLoss(keras.losses.Loss):
    """Loss of the first head + weight * cross-entropy of the second with the votes.

    Targets are float [n, classes + 8]: those of the first head, then the shares of the votes, which are 0 throughout
    for a face that has none to learn from. What teachers answered stands behind them, as `distillation` has it.

    Args:
        first: Loss of the first head.
        weight: Weight of the second.
    """

    def __init__(self, first: keras.losses.Loss, weight: float) -> None:
        super().__init__(name="heads")
        self.first, self.weight = first, weight

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each face, float [n]."""
        both = y_pred.shape[-1]
        classes = both - len(LABELS)
        answers: Any = ops.concatenate([y_true[:, :classes], y_true[:, both:]], axis=1)
        logs: Any = ops.log(ops.maximum(y_pred[:, classes:], _SMALLEST))
        second: Any = ops.sum(-y_true[:, classes:both] * logs, axis=-1)
        return self.first.call(answers, y_pred[:, :classes]) + self.weight * second

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {"first": keras.saving.serialize_keras_object(self.first), "weight": self.weight}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> HeadsLoss:
        """Make a loss of what `get_config` gave."""
        return cls(**config | {"first": keras.saving.deserialize_keras_object(config["first"])})


@keras.saving.register_keras_serializable("ferlite")
class HeadAccuracy(keras.metrics.Metric):
    """Share of the faces whose largest target is the answer of a head, among those that have a target for it.

    Args:
        head: Which head.
        name: Column of history.csv.
        **kwargs: As every metric takes them.
    """

    def __init__(self, head: Head, name: str, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.head: Head = head
        self._mean = keras.metrics.Mean()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch, with targets as `HeadsLoss` has them."""
        both = y_pred.shape[-1]
        classes = both - len(LABELS)
        own = slice(0, classes) if self.head == "labels" else slice(classes, both)
        wanted, answered = y_true[:, own], y_pred[:, own]
        counted: Any = ops.cast(ops.any(wanted > 0, axis=-1), "float32")
        right: Any = keras.metrics.categorical_accuracy(wanted, answered)
        self._mean.update_state(right, counted if sample_weight is None else counted * sample_weight)

    def result(self) -> Any:
        """Return the share, 0 to 1."""
        return self._mean.result()

    def reset_state(self) -> None:
        """Forget what was added."""
        self._mean.reset_state()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return super().get_config() | {"head": self.head}
