"""Steps 2 and 3, calibrate and quantize: a float32 TFLite graph becomes an int8 one."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from litert_quantizer import quantizer, recipe
from numpy.typing import NDArray

from ..models.errors import DataError
from ..models.files import sha256
from ..models.preprocess import to_input
from ..models.quiet import quiet
from ..train.datasets import Faces, balanced_draw

Ranges = dict[str, Any]
"""Smallest and largest value of each tensor by name, as litert-quantizer keeps them."""

_SIGNATURE = "serving_default"


def calibration_set(faces: Faces, count: int = 256, seed: int = 0) -> NDArray[np.uint8]:
    """Draw a class-balanced calibration set.

    Args:
        faces: The training split.
        count: How many faces; fewer if there are fewer.
        seed: Seed of the draw. The order matters too: the calibrator takes a moving average.

    Returns:
        uint8 [count, h, w].

    Raises:
        DataError: The faces are all of one class.
    """
    if len(np.unique(faces.labels)) < 2:
        raise DataError("a calibration set of one class can't stand for all; give the whole training split")
    return faces.images[balanced_draw(faces.labels, count, seed)]


def describe(images: NDArray[np.uint8], seed: int = 0) -> dict[str, Any]:
    """Return what the record says of a calibration set."""
    return {"faces": len(images), "seed": seed, "sha256": sha256(np.ascontiguousarray(images).tobytes())}


def calibrate(
    graph: bytes, images: NDArray[np.uint8], method: Literal["moving-average", "min-max"] = "moving-average"
) -> Ranges:
    """Run the float graph on the calibration set and note each tensor's range.

    The ranges of the pixels, and of the layer `scale` that every network begins with, are not left
    to the calibrator: its moving average never reaches their ends, so that the brightest pixels
    would saturate (scale 0.944 instead of 1 was seen). A black and a white picture give them exactly.

    Args:
        graph: Float32 TFLite flatbuffer with one input.
        images: uint8 [n, h, w] grey or [n, h, w, 3].
        method: `moving-average`, the calibrator's own, cuts rare extremes off for a finer scale;
            `min-max` keeps them, which a detector needs: its rare extremes are the faces.
    """
    if method == "min-max":
        ranges = _widest([_moving_average(graph, image[None]) for image in images])
    else:
        ranges = _moving_average(graph, images)
    ends = _widest([_moving_average(graph, np.full_like(images[:1], value)) for value in (0, 255)])
    pixels = _input_name(graph)
    return ranges | {name: ends[name] for name in ranges if pixels in name or "/scale" in name}


def quantize(graph: bytes, ranges: Ranges) -> bytes:
    """Quantize to full int8: weights by channel, activations by tensor, int8 in and out.

    Args:
        graph: The float32 flatbuffer that was calibrated.
        ranges: From `calibrate`.

    Returns:
        An int8 TFLite flatbuffer.
    """
    with _quiet():
        result: Any = quantizer.Quantizer(graph, recipe.static_wi8_ai8()).quantize(ranges)
    return bytes(result.quantized_model)


def _moving_average(graph: bytes, images: NDArray[np.uint8]) -> Ranges:
    name = _input_name(graph)
    samples = [{name: to_input(image[None], np.float32)} for image in images]
    with _quiet():
        return quantizer.Quantizer(graph, recipe.static_wi8_ai8()).calibrate({_SIGNATURE: samples})


def _widest(several: list[Ranges]) -> Ranges:
    return {
        name: {
            "min": np.minimum.reduce([ranges[name]["min"] for ranges in several]),
            "max": np.maximum.reduce([ranges[name]["max"] for ranges in several]),
        }
        for name in several[0]
    }


def _input_name(graph: bytes) -> str:
    return Interpreter(model_content=graph).get_signature_list()[_SIGNATURE]["inputs"][0]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantizer's progress bars and the runtime's warning about keeping tensors."""
    nowhere = io.StringIO()
    with quiet(), warnings.catch_warnings(), contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        yield
