"""Blocks that the networks share."""

from __future__ import annotations

from typing import Any

from keras import layers

from .branches import BranchedConv


def wide(channels: int, width: float) -> int:
    """Return a number of channels times the width, as a multiple of 8, which suits integer kernels."""
    return channels if width == 1 else max(8, round(channels * width / 8) * 8)


def conv(
    x: Any, filters: int, kernel: int, penalty: Any, stride: int = 1, relu: bool = True, branches: bool = False
) -> Any:
    """A convolution with batch normalisation, and a ReLU unless it is left out; see `branches` for `branches`."""
    if branches and kernel == 3:
        x = BranchedConv(filters, stride, penalty)(x)
    else:
        x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False,
                          kernel_initializer="he_normal", kernel_regularizer=penalty)(x)  # fmt: skip
        x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x) if relu else x
