"""The networks. Each takes pixels as they are, 0 to 255: scaling is a layer of the graph.

A device that hands over raw pixels can't get the scaling wrong, and int8 input is the pixel minus 128.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from ..models.errors import unknown

Builder = Callable[..., keras.Model]


def build(name: str, classes: int, size: int = 48, l2: float = 0.0) -> keras.Model:
    """Build a network by name.

    Args:
        name: One of `NETWORKS`.
        classes: Number of labels.
        size: Height and width of the grey input in pixels.
        l2: Weight of the L2 penalty on convolution and dense kernels.

    Returns:
        A model from float32 [n, size, size, 1], 0 to 255, to probabilities [n, classes].

    Raises:
        UnknownNameError: There is no such network.
    """
    check(name)
    return NETWORKS[name](classes, size, keras.regularizers.L2(l2) if l2 else None)


def check(name: str) -> None:
    """Refuse a network that does not exist.

    Raises:
        UnknownNameError: There is no such network.
    """
    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)


def keras_cnn(classes: int, size: int, penalty: keras.Regularizer | None) -> keras.Model:
    """Four 3x3 convolutions and three dense layers, as in a widely copied Keras notebook.

    48x48x1 -> conv 32 -> conv 64 -> pool -> conv 128 -> pool -> conv 256 -> pool -> dense 256 ->
    dense 128 -> dense classes; batch normalisation after every convolution and hidden dense layer.
    131 MMAC and 2.8 million parameters.
    """
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    for filters, pool in ((32, False), (64, True), (128, True), (256, True)):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x)
        if pool:
            x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for units in (256, 128):
        x = layers.Dense(units, activation="relu", kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.25)(x)
    return keras.Model(inputs, _probabilities(x, classes, penalty), name="keras-cnn")


def plain_residual(classes: int, size: int, penalty: keras.Regularizer | None) -> keras.Model:
    """A residual network of plain 3x3 convolutions (He et al. 2016), sized for a Raspberry Pi.

    A stem of 24 channels at full size, stride 2 to 32, then one block of 32 channels, two of 64 and two
    of 128, global pooling: 53 MMAC, 686 thousand parameters. An Arm core's int8 dot products are used
    far better by plain 3x3 convolutions than by depthwise ones, which is why this network has none.
    """
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 64, offset=-127.5 / 64, name="scale")(inputs)
    x = _conv(x, 24, 3, penalty)
    x = _conv(x, 32, 3, penalty, stride=2)
    for filters, blocks in ((32, 1), (64, 2), (128, 2)):
        for block in range(blocks):
            stride = 2 if block == 0 and filters > 32 else 1
            x = _residual(x, filters, stride, penalty)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, _probabilities(x, classes, penalty), name="plain-residual")


def small(classes: int, size: int, penalty: keras.Regularizer | None) -> keras.Model:
    """Four 3x3 convolutions with stride 2 and global pooling: 2 MMAC, trains in seconds, to try things with."""
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 64, offset=-2, name="scale")(inputs)
    for filters in (16, 32, 64, 64):
        x = _conv(x, filters, 3, penalty, stride=2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, _probabilities(x, classes, penalty), name="small")


NETWORKS: dict[str, Builder] = {"keras-cnn": keras_cnn, "plain-residual": plain_residual, "small": small}
"""Networks by name: (classes, size, penalty) -> model."""


def macs(model: Any) -> int:
    """Count the multiply-accumulates of one inference in convolution and dense layers."""
    total = 0
    for layer in model.layers:
        kind = type(layer)  # isinstance would narrow to Keras' types, which lack their own attributes
        if issubclass(kind, layers.Conv2D):
            total += math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape)
        elif issubclass(kind, layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total


def _conv(x: Any, filters: int, kernel: int, penalty: Any, stride: int = 1, relu: bool = True) -> Any:
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False,
                      kernel_initializer="he_normal", kernel_regularizer=penalty)(x)  # fmt: skip
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x) if relu else x


def _residual(x: Any, filters: int, stride: int, penalty: Any) -> Any:
    y = _conv(x, filters, 3, penalty, stride)
    y = _conv(y, filters, 3, penalty, relu=False)
    if stride > 1 or x.shape[-1] != filters:
        x = _conv(x, filters, 1, penalty, stride, relu=False)
    return layers.ReLU()(layers.Add()([x, y]))


def _probabilities(x: Any, classes: int, penalty: Any) -> Any:
    # float32 also where the layers before compute in bfloat16.
    x = layers.Dense(classes, kernel_regularizer=penalty, dtype="float32", name="logits")(x)
    return layers.Softmax(dtype="float32", name="probabilities")(x)
