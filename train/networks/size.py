"""How large a network is."""

from __future__ import annotations

import math
from typing import Any

from keras import layers

from .branches import fold


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
