"""The batches that Keras trains, evaluates and predicts on."""

from __future__ import annotations

from typing import Any

import keras
from numpy.typing import NDArray


def feed(batch: int, *arrays: NDArray[Any] | None) -> dict[str, Any]:
    """Return the arguments by which `fit`, `evaluate` or `predict` takes arrays, in their order.

    Keras lets tf.data autotune its input; that thread sleeps up to a minute, and each epoch's end waits for it.
    Autotune is off.

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
