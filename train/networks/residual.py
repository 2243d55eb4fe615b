"""Residual networks of plain 3x3 convolutions, sized for a Raspberry Pi."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from .base import Penalty, probabilities
from .blocks import conv, wide


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


def plain_residual_small(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-residual` with fewer channels, for the smallest boards: 11.4 MMAC, 186 thousand parameters.

    A stem of 8 channels at full size, stride 2 to 16, then one block of 16 channels, one of 32 and two of 72.
    """
    return _residual_network(classes, size, penalty, width, stem=8, stages=((16, 1), (32, 1), (72, 2)))


def plain_residual_early(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-residual` that halves the resolution at once, and has a second block of 32 channels: 59 MMAC."""
    return _residual_network(classes, size, penalty, width, early=True, stages=((32, 2), (64, 2), (128, 2)))


def _residual_network(
    classes: int,
    size: int,
    penalty: Penalty,
    width: float,
    *,
    branches: bool = False,
    excite: bool = False,
    early: bool = False,
    stem: int = 24,
    stages: tuple[tuple[int, int], ...] = ((32, 1), (64, 2), (128, 2)),
) -> keras.Model:
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 64, offset=-127.5 / 64, name="scale")(inputs)
    if not early:
        x = conv(x, wide(stem, width), 3, penalty, branches=branches)
    x = conv(x, wide(stages[0][0], width), 3, penalty, stride=2, branches=branches)
    for stage, (filters, blocks) in enumerate(stages):
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            x = _residual(x, wide(filters, width), stride, penalty, branches, excite)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, probabilities(x, classes, penalty), name="plain-residual")


def _residual(x: Any, filters: int, stride: int, penalty: Any, branches: bool, excite: bool) -> Any:
    y = conv(x, filters, 3, penalty, stride, branches=branches)
    y = conv(y, filters, 3, penalty, relu=False, branches=branches)
    y = _excite(y, penalty) if excite else y
    if stride > 1 or x.shape[-1] != filters:
        x = conv(x, filters, 1, penalty, stride, relu=False)
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
