"""Training on several accelerators, and the input pipeline: the only module of training that imports TensorFlow."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
from numpy.typing import NDArray

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


def feed(batch: int, *arrays: NDArray[Any] | None) -> dict[str, Any]:
    """Return the arguments by which `fit`, `evaluate` or `predict` takes arrays, in their order.

    What Keras makes of arrays on TensorFlow has its reading tuned by a thread that looks again after twice as long each
    time, up to a minute, and for which the end of every epoch waits. Batches cut from memory need no tuning.

    Args:
        batch: Faces in a step.
        *arrays: Pixels, then targets and weights where there are any, each [n, ...].
    """
    given = tuple(array for array in arrays if array is not None)
    if keras.backend.backend() != "tensorflow":
        return {"batch_size": batch} | dict(zip(("x", "y", "sample_weight"), given, strict=False))
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    # There are no files that the workers of a strategy could share.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return {"x": tf.data.Dataset.from_tensor_slices(given).batch(batch).prefetch(2).with_options(options)}
