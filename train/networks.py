"""The networks. Each takes pixels as they are, 0 to 255: scaling is a layer of the graph.

A device that hands over raw pixels can't get the scaling wrong, and int8 input is the pixel minus 128.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers

from ..models.errors import unknown
from . import pretrained
from .branches import BranchedConv, fold
from .parts import Builder, Penalty, probabilities


def build(name: str, classes: int, size: int = 48, l2: float = 0.0, width: float = 1.0) -> keras.Model:
    """Build a network by name.

    Args:
        name: One of `NETWORKS`.
        classes: Number of labels.
        size: Height and width of the grey input in pixels.
        l2: Weight of the L2 penalty on convolution and dense kernels.
        width: Factor on the numbers of channels and hidden units, which stay multiples of 8 where they
            were; the pretrained networks have but one width.

    Returns:
        A model from float32 [n, size, size, 1], 0 to 255, to probabilities [n, classes].

    Raises:
        UnknownNameError: There is no such network.
    """
    check(name)
    return NETWORKS[name](classes, size, keras.regularizers.L2(l2) if l2 else None, width)


def check(name: str) -> None:
    """Refuse a network that does not exist.

    Raises:
        UnknownNameError: There is no such network.
    """
    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)


def keras_cnn(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """Four 3x3 convolutions and three dense layers, as in a widely copied Keras notebook.

    48x48x1 -> conv 32 -> conv 64 -> pool -> conv 128 -> pool -> conv 256 -> pool -> dense 256 ->
    dense 128 -> dense classes; batch normalisation after every convolution and hidden dense layer.
    131 MMAC and 2.8 million parameters.
    """
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    for filters, pool in ((32, False), (64, True), (128, True), (256, True)):
        x = layers.Conv2D(_wide(filters, width), 3, padding="same", activation="relu", kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x)
        if pool:
            x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for units in (256, 128):
        x = layers.Dense(_wide(units, width), activation="relu", kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.25)(x)
    return keras.Model(inputs, probabilities(x, classes, penalty), name="keras-cnn")


def plain_residual(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """A residual network of plain 3x3 convolutions (He et al. 2016), sized for a Raspberry Pi.

    A stem of 24 channels at full size, stride 2 to 32, then one block of 32 channels, two of 64 and two
    of 128, global pooling: 53 MMAC, 686 thousand parameters. An Arm core's int8 dot products are used
    far better by plain 3x3 convolutions than by depthwise ones, which is why this network has none.
    """
    return _residual_network(classes, size, penalty, width)


def plain_residual_branches(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-residual` whose 3x3 convolutions learn in branches, see `branches`; deployed, it is the same graph."""
    return _residual_network(classes, size, penalty, width, branches=True)


def plain_residual_excite(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-residual` with squeeze-and-excite in every block (Hu et al. 2018).

    By a quarter of the channels and a hard sigmoid, as Howard et al. 2019, "Searching for MobileNetV3", section 5.3.
    """
    return _residual_network(classes, size, penalty, width, excite=True)


def plain_residual_early(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-residual` that halves the resolution at once, and has a second block of 32 channels: 59 MMAC."""
    return _residual_network(classes, size, penalty, width, early=True)


def _residual_network(
    classes: int,
    size: int,
    penalty: Penalty,
    width: float,
    *,
    branches: bool = False,
    excite: bool = False,
    early: bool = False,
) -> keras.Model:
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 64, offset=-127.5 / 64, name="scale")(inputs)
    if not early:
        x = _conv(x, _wide(24, width), 3, penalty, branches=branches)
    x = _conv(x, _wide(32, width), 3, penalty, stride=2, branches=branches)
    for filters, blocks in ((32, 2 if early else 1), (64, 2), (128, 2)):
        for block in range(blocks):
            stride = 2 if block == 0 and filters > 32 else 1
            x = _residual(x, _wide(filters, width), stride, penalty, branches, excite)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, probabilities(x, classes, penalty), name="plain-residual")


def small(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """Four 3x3 convolutions with stride 2 and global pooling: 2 MMAC, trains in seconds, to try things with."""
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 64, offset=-2, name="scale")(inputs)
    for filters in (16, 32, 64, 64):
        x = _conv(x, _wide(filters, width), 3, penalty, stride=2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, probabilities(x, classes, penalty), name="small")


def plain_cnn(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """What student projects begin with: three 3x3 convolutions, each with ReLU and pooling, and a dense layer.

    48x48x1 -> conv 32 -> pool -> conv 32 -> pool -> conv 64 -> pool -> dense 84 -> dense classes.
    9 MMAC and 222 thousand parameters with four classes.
    """
    return _student(classes, size, penalty, width, normalised=False)


def plain_cnn_normalised(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-cnn` with batch normalisation after each layer (Ioffe and Szegedy 2015)."""
    return _student(classes, size, penalty, width, normalised=True)


def plain_cnn_dropout(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-cnn-normalised` with dropout of a quarter after each pooling, and of half before the end."""
    return _student(classes, size, penalty, width, normalised=True, dropout=True)


def _student(
    classes: int, size: int, penalty: Penalty, width: float, *, normalised: bool, dropout: bool = False
) -> keras.Model:
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    for filters in (32, 32, 64):
        x = layers.Conv2D(_wide(filters, width), 3, padding="same", activation="relu", kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x) if normalised else x
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(0.25)(x) if dropout else x
    x = layers.Flatten()(x)
    x = layers.Dense(round(84 * width), activation="relu", kernel_regularizer=penalty)(x)
    x = layers.BatchNormalization()(x) if normalised else x
    x = layers.Dropout(0.5)(x) if dropout else x
    return keras.Model(inputs, probabilities(x, classes, penalty), name="plain-cnn")


NETWORKS: dict[str, Builder] = {
    "keras-cnn": keras_cnn,
    "plain-residual": plain_residual,
    "plain-residual-branches": plain_residual_branches,
    "plain-residual-excite": plain_residual_excite,
    "plain-residual-early": plain_residual_early,
    "plain-cnn": plain_cnn,
    "plain-cnn-normalised": plain_cnn_normalised,
    "plain-cnn-dropout": plain_cnn_dropout,
    "small": small,
    **{name: pretrained.builder(base) for name, base in pretrained.BASES.items()},
}
"""Networks by name: (classes, size, penalty, width) -> model."""


def size_of(model: Any) -> dict[str, int]:
    """Return `parameters` and `macs` of a network with its branches folded, see `branches.fold`.

    A folded convolution counts its bias, and any other the four numbers of its batch normalisation, too.
    """
    deployed = fold(model)
    return {"parameters": deployed.count_params(), "macs": macs(deployed)}


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


def _wide(channels: int, width: float) -> int:
    """Return a number of channels times the width, a multiple of 8 as integer kernels like it."""
    return channels if width == 1 else max(8, round(channels * width / 8) * 8)


def _conv(
    x: Any, filters: int, kernel: int, penalty: Any, stride: int = 1, relu: bool = True, branches: bool = False
) -> Any:
    if branches and kernel == 3:
        x = BranchedConv(filters, stride, penalty)(x)
    else:
        x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False,
                          kernel_initializer="he_normal", kernel_regularizer=penalty)(x)  # fmt: skip
        x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x) if relu else x


def _residual(x: Any, filters: int, stride: int, penalty: Any, branches: bool, excite: bool) -> Any:
    y = _conv(x, filters, 3, penalty, stride, branches=branches)
    y = _conv(y, filters, 3, penalty, relu=False, branches=branches)
    y = _excite(y, penalty) if excite else y
    if stride > 1 or x.shape[-1] != filters:
        x = _conv(x, filters, 1, penalty, stride, relu=False)
    return layers.ReLU()(layers.Add()([x, y]))


def _excite(x: Any, penalty: Any) -> Any:
    """Weigh each channel by what all of them are over the whole face."""
    filters = x.shape[-1]
    share = layers.GlobalAveragePooling2D(keepdims=True)(x)
    share = layers.Conv2D(filters // 4, 1, activation="relu", kernel_regularizer=penalty)(share)
    # A hard sigmoid, relu6(z + 3) / 6; the 3 is the bias at the start.
    three: Any = keras.initializers.Constant(3)
    share = layers.Conv2D(filters, 1, bias_initializer=three, kernel_regularizer=penalty)(share)
    return layers.Multiply()([x, layers.Rescaling(1 / 6)(layers.ReLU(6)(share))])
