"""What all networks share: the form of their builders, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

Penalty = keras.Regularizer | None
Builder = Callable[[int, int, Penalty, float], keras.Model]
"""(classes, size, penalty, width) -> model; see `build.build_network`."""


def probabilities(x: Any, classes: int, penalty: Penalty) -> Any:
    """End a network: a dense layer `logits`, where the exported graph ends, and a softmax."""
    # float32 also where the layers before compute in bfloat16.
    x = layers.Dense(classes, kernel_regularizer=penalty, dtype="float32", name="logits")(x)
    return layers.Softmax(dtype="float32", name="probabilities")(x)
