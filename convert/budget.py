"""Selective quantization: the fewest layers in float that keep int8's loss within a budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Faces
from .calibrate import Ranges
from .inspection import inspect
from .interpreter import accuracy
from .layers import Layer, layers
from .quantize import quantize


def quantize_within(
    floating: bytes,
    ranges: Ranges,
    faces: Faces,
    budget: float,
    images: NDArray[np.uint8],
    keep_float: Sequence[Layer] = (),
) -> tuple[bytes, list[Layer]]:
    """Quantize to int8, and return layers to float while the loss of accuracy exceeds a budget.

    Layers go back one by one, each time the one that loses most by itself (`inspection`), so that a
    network that quantizes well keeps none.

    Args:
        floating: Float32 flatbuffer.
        ranges: From `calibrate`.
        faces: Held-out faces to measure accuracy on.
        budget: Percentage points of accuracy that int8 may lose against float.
        images: uint8 [n, h, w] to inspect the layers on.
        keep_float: Layers that stay in float whatever the accuracy.

    Returns:
        The int8 flatbuffer and the layers in float, in the order of the graph.
    """
    known = layers(floating)
    kept = {layer.output for layer in keep_float}
    wanted = accuracy(floating, faces) - budget / 100
    while True:
        chosen = [layer for layer in known if layer.output in kept]
        quantized = quantize(floating, ranges, keep_float=chosen)
        if len(chosen) == len(known) or accuracy(quantized, faces) >= wanted:
            return quantized, chosen
        errors = inspect(quantized, floating, images).worst(len(known))
        outputs = {layer.name: layer.output for layer in known}
        kept.add(next(outputs[error.name] for error in errors if outputs[error.name] not in kept))
