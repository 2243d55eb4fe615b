"""Training on several accelerators."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from ..errors import UsageError, unknown


def scope(name: str) -> AbstractContextManager[Any]:
    """Return the context to build or load a model in.

    Args:
        name: Empty for one device; `mirrored` to share each batch among all GPUs of the machine, or among
            its logical CPU devices where there are none (`tf.distribute.MirroredStrategy`).

    Raises:
        UnknownNameError: There is no such strategy.
        UsageError: Keras runs on another back end than TensorFlow.
    """
    if not name:
        return nullcontext()
    if name != "mirrored":
        raise unknown("strategy", name, ["mirrored"])
    if keras.backend.backend() != "tensorflow":
        raise UsageError(
            f"--strategy mirrored needs Keras on TensorFlow, and it runs on {keras.backend.backend()}; "
            "set KERAS_BACKEND=tensorflow or leave it out"
        )
    import tensorflow as tf

    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices]).scope()
