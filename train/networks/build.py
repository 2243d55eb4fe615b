"""The networks. Each takes pixels as they are, 0 to 255: scaling is a layer of the graph.

A device that hands over raw pixels can't get the scaling wrong, and int8 input is the pixel minus 128.
"""

from __future__ import annotations

import keras

from ...errors import unknown
from . import pretrained
from .base import Builder
from .cnn import keras_cnn, plain_cnn, plain_cnn_dropout, plain_cnn_normalised, small
from .residual import (
    plain_residual,
    plain_residual_branches,
    plain_residual_early,
    plain_residual_excite,
    plain_residual_small,
)


def build_network(name: str, classes: int, size: int = 48, l2: float = 0.0, width: float = 1.0) -> keras.Model:
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
    check_network(name)
    return NETWORKS[name](classes, size, keras.regularizers.L2(l2) if l2 else None, width)


def check_network(name: str) -> None:
    """Refuse a network that does not exist.

    Raises:
        UnknownNameError: There is no such network.
    """
    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)


NETWORKS: dict[str, Builder] = {
    "keras-cnn": keras_cnn,
    "plain-residual": plain_residual,
    "plain-residual-branches": plain_residual_branches,
    "plain-residual-excite": plain_residual_excite,
    "plain-residual-early": plain_residual_early,
    "plain-residual-small": plain_residual_small,
    "plain-cnn": plain_cnn,
    "plain-cnn-normalised": plain_cnn_normalised,
    "plain-cnn-dropout": plain_cnn_dropout,
    "small": small,
    **{name: pretrained.builder(base) for name, base in pretrained.BASES.items()},
}
"""Networks by name: (classes, size, penalty, width) -> model."""
