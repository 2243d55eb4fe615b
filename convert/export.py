"""Step 1, export: a trained Keras network becomes a float32 TFLite graph."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..errors import DataError
from ..models.native_log import muted_stderr


def export(model: Any) -> bytes:
    """Export a network, for one face at a time, up to its logits.

    The softmax stays off the graph: an int8 softmax rounds probabilities to 1/256 before the
    calibrated temperature can be applied.

    Args:
        model: A `keras.Model`: pixels float32 [n, h, w, c], 0 to 255, to probabilities; has a layer named `logits`.

    Returns:
        A float32 TFLite flatbuffer: pixels [1, h, w, c] to logits [1, classes].

    Raises:
        DataError: A weight is not a finite number.
    """
    for weight in model.weights:
        if not np.isfinite(np.asarray(weight)).all():
            raise DataError(f"weights of {weight.path} are not finite numbers; train again with a lower learning rate")
    logits = keras.Model(model.input, model.get_layer("logits").output)
    pixels = keras.Input(batch_shape=(1, *model.input.shape[1:]), name="pixels")
    single = keras.Model(pixels, {"logits": logits(pixels)})
    return to_tflite(single)


def to_tflite(model: Any, half: bool = False) -> bytes:
    """Turn a Keras model into a TFLite flatbuffer as it is.

    Args:
        model: A `keras.Model` with a fixed batch.
        half: Keep the weights in float16; arithmetic stays float32.
    """
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if half:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    # Keras announces the artifact it exports on the way; nobody asked for that.
    with muted_stderr(), contextlib.redirect_stdout(io.StringIO()):
        return converter.convert()
