"""Part of the export: batch normalisation behind a ReLU is spread over the layers around it.

Behind a convolution a batch normalisation disappears into the kernel. Behind a ReLU it can't, and stays
as one multiplication and one addition with a constant for each channel. Quantized to int8, such a
constant has a single scale for all channels: one unit that is nearly always zero has a variance of
nearly zero, hence a factor of up to 1/sqrt(epsilon), and rounds the factors of all others away.

As relu(c z) = c relu(z) for c > 0, the factor's magnitude fits into the layer before, whose kernel has a
scale for each channel. By the same property a channel may be made larger there and smaller in the
kernel of the layer behind, so that no channel with rare, large values takes the resolution of the
others: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction",
section 4.1, where the ranges are those of weights; here they are those of real activations.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

_LINEAR = layers.Conv2D | layers.Dense
_KEEPS_CHANNELS = layers.MaxPooling2D | layers.AveragePooling2D | layers.Dropout | layers.Flatten


def equalize(model: Any, faces: NDArray[np.uint8]) -> Any:
    """Return the same function with the factors behind ReLUs folded into the layers around.

    Args:
        model: A `keras.Model`; it is left as it is.
        faces: uint8 [n, h, w] or [n, h, w, c]: training faces that show how large each channel becomes.

    Returns:
        A copy that computes the same up to rounding. What is left of a batch normalisation behind a
        convolution or dense layer with ReLU is the factor's sign and an offset.
    """
    copy: Any = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    found = [(before, norm, _linear_behind(norm)) for norm in copy.layers if (before := _relu_before(norm)) is not None]
    for before, norm, _ in found:
        _fold(before, norm)
    if found:
        pixels = faces.reshape(len(faces), *model.input.shape[1:]).astype("float32")
        # The largest value of each channel in each face: whole activations would fill the memory.
        reader: Any = keras.Model(copy.input, {norm.name: _largest(norm.output) for _, norm, _ in found})
        largest = reader.predict(pixels, verbose=0)
        for before, norm, behind in found:
            if behind is not None:
                _balance(before, norm, behind, largest[norm.name].max(0))
    return copy


def _largest(tensor: Any) -> Any:
    return keras.ops.max(keras.ops.abs(tensor), axis=tuple(range(1, len(tensor.shape) - 1)))


def _relu_before(norm: Any) -> Any:
    """Return the linear layer with a ReLU whose only reader is this normalisation, or None."""
    if not isinstance(norm, layers.BatchNormalization) or not (norm.scale and norm.center):
        return None
    tensor: Any = norm.input
    before = tensor._keras_history.operation
    fits = isinstance(before, _LINEAR) and before.activation is keras.activations.relu and before.use_bias
    return before if fits and len(before._outbound_nodes) == 1 else None


def _linear_behind(layer: Any) -> Any:
    """Return the linear layer that alone reads the channels of this one, or None."""
    while len(layer._outbound_nodes) == 1:
        layer = layer._outbound_nodes[0].operation
        if isinstance(layer, _LINEAR):
            return layer
        if not isinstance(layer, _KEEPS_CHANNELS):
            break
    return None


def _fold(before: Any, norm: Any) -> None:
    """Move the factor's magnitude in front of the ReLU, and leave a normalisation that only adds."""
    gamma, beta, mean, variance = norm.get_weights()
    factor = gamma / np.sqrt(variance + norm.epsilon)
    offset = beta - factor * mean
    before.set_weights([weight * np.abs(factor) for weight in before.get_weights()])
    norm.set_weights([np.sign(factor), offset, np.zeros_like(offset), np.full_like(offset, 1 - norm.epsilon)])


def _balance(before: Any, norm: Any, behind: Any, largest: NDArray[np.float32]) -> None:
    """Scale each channel so that its values and the weights that read it are equally large.

    Of a unit that is dead on these faces only the weights that read it are known; they become as large
    as those of the others.
    """
    kernel, *bias = behind.get_weights()
    # Flattening repeats the channels for each place.
    by_channel = kernel.reshape(-1, len(largest), kernel.shape[-1]) if kernel.ndim == 2 else kernel
    read = np.abs(by_channel).max(axis=tuple(set(range(by_channel.ndim)) - {by_channel.ndim - 2}))
    alive = (largest > 0) & (read > 0)
    scale = np.sqrt(np.where(alive, read, 1) / np.where(alive, largest, 1))
    usual = np.median((read / scale)[alive]) if alive.any() else 1.0
    scale = np.where(alive | (read == 0), scale, read / usual)
    before.set_weights([weight * scale for weight in before.get_weights()])
    norm.beta.assign(np.asarray(norm.beta) * scale)
    behind.set_weights([(by_channel / scale[:, None]).reshape(kernel.shape), *bias])
