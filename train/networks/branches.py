"""Convolutions that learn as several branches and are deployed as one (Ding et al. 2021, "RepVGG").

While it learns, a 3x3 convolution is the sum of a 3x3 and a 1x1 convolution and, where the shape stays, of its
input, each with a batch normalisation of its own. All of that is linear, so one 3x3 kernel and one bias
compute the same.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable("ferlite")
class BranchedConv(layers.Layer):
    """A 3x3 convolution with padding, in branches.

    Args:
        filters: Channels of the output.
        strides: Step in both directions, 1 or 2.
        kernel_regularizer: Penalty on the kernels of both convolutions.
        **kwargs: As every layer takes them.
    """

    def __init__(self, filters: int, strides: int = 1, kernel_regularizer: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.strides = filters, strides
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape: Any) -> None:
        """Make the branches that the shape allows."""
        self.convs = [self._conv(size) for size in (3, 1)]
        same = self.strides == 1 and input_shape[-1] == self.filters
        self.norms = [layers.BatchNormalization(momentum=0.9, dtype=self.dtype_policy) for _ in range(2 + same)]
        for conv in self.convs:
            conv.build(input_shape)
        for norm in self.norms:
            norm.build((*input_shape[:-1], self.filters))
        # Where in the 3x3 kernel the pixel lies that the 1x1 kernel sees. With a stride of 2, "same" padding puts the
        # odd row and column behind an even picture, so that the window begins with that pixel.
        self.places = tuple(1 if self.strides == 1 else side % 2 for side in input_shape[1:3])
        super().build(input_shape)

    def _conv(self, size: int) -> Any:
        return layers.Conv2D(self.filters, size, strides=self.strides, padding="same", use_bias=False,
                             kernel_initializer="he_normal", kernel_regularizer=self.kernel_regularizer,
                             dtype=self.dtype_policy)  # fmt: skip

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the sum of the branches, [n, h / strides, w / strides, filters]."""
        branches: list[Any] = [conv(inputs) for conv in self.convs]
        branches += [inputs] * (len(self.norms) - len(branches))
        total: Any = 0
        for norm, branch in zip(self.norms, branches, strict=True):
            total = total + norm(branch, training=training)
        return total

    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the 3x3 kernel [3, 3, channels, filters] and the bias [filters] that say the same."""
        kernel, point = (np.asarray(ops.convert_to_numpy(conv.kernel), np.float64) for conv in self.convs)
        # The input itself is a 1x1 kernel, too.
        points = [point[0, 0], np.eye(self.filters)][: len(self.norms) - 1]
        kernels = [kernel, *(np.zeros_like(kernel) for _ in points)]
        for wide, one in zip(kernels[1:], points, strict=True):
            wide[self.places] = one
        total, bias = np.zeros_like(kernel), np.zeros(self.filters)
        for kernel, norm in zip(kernels, self.norms, strict=True):
            gamma, beta, mean, variance = (np.asarray(weight, np.float64) for weight in norm.get_weights())
            factor = gamma / np.sqrt(variance + norm.epsilon)
            total += kernel * factor
            bias += beta - mean * factor
        return total, bias

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        penalty = keras.regularizers.serialize(self.kernel_regularizer)
        return super().get_config() | {
            "filters": self.filters,
            "strides": self.strides,
            "kernel_regularizer": penalty,
        }


def fold(model: Any) -> Any:
    """Return the network that is deployed: the same function with every `BranchedConv` as one convolution.

    Args:
        model: A `keras.Model`; it is left as it is.

    Returns:
        A copy, or the model itself where it has no branches.
    """
    if not any(isinstance(layer, BranchedConv) for layer in model.layers):
        return model

    def plain(layer: Any) -> Any:
        if not isinstance(layer, BranchedConv):
            return type(layer).from_config(layer.get_config())
        return layers.Conv2D(layer.filters, 3, strides=layer.strides, padding="same", name=layer.name,
                             dtype=layer.dtype_policy)  # fmt: skip

    copy: Any = keras.models.clone_model(model, clone_function=plain)
    for layer, source in zip(copy.layers, model.layers, strict=True):
        layer.set_weights(source.folded() if isinstance(source, BranchedConv) else source.get_weights())
    return copy
