"""Step 4, verify: check a quantized graph before it is packaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError
from ..models.record import Scheme
from .interpreter import answer, classes, load, load_whole
from .layers import Layer


def verify(
    quantized: bytes,
    floating: bytes,
    images: NDArray[np.uint8],
    scheme: Scheme = "int8",
    keep_float: Sequence[Layer] = (),
) -> float:
    """Check a quantized graph by itself and against the float graph.

    Args:
        quantized: Flatbuffer of the scheme.
        floating: Float32 flatbuffer of the same network.
        images: uint8 [n, h, w], faces to compare the two on.
        scheme: Its scheme; input and operators are checked for `int8` only.
        keep_float: The layers that were left in float.

    Returns:
        Share of `images` on which both name the same class, 0 to 1.

    Raises:
        ModelFormatError: In int8, a layer is in float that should be int8, or the reverse; the input is not
            the pixel minus 128; or the darkest or brightest grey values saturate. In any scheme, the two
            graphs differ on more than a tenth of the faces.
    """
    if scheme == "int8":
        _check_operators(quantized, {layer.output: layer.name for layer in keep_float})
        _check_input(quantized)
        _check_ends(quantized)
    agreement = float((classes(quantized, images) == classes(floating, images)).mean())
    if agreement < 0.9:
        raise ModelFormatError(
            f"{scheme} and float agree on only {agreement:.1%} of {len(images)} faces; the network does not "
            "quantize well: see its worst layers with --inspect, or train with a stronger L2 penalty"
        )
    return agreement


def _check_operators(quantized: bytes, kept: dict[str, str]) -> None:
    """Check that exactly the layers that were left in float compute in float."""
    graph = load(quantized)
    tensors = {t["index"]: t for t in graph.get_tensor_details()}
    in_float = set()
    for op in graph._get_ops_details():
        touched = [tensors[int(i)] for i in (*op["inputs"], *op["outputs"]) if i >= 0]
        floats = [t["name"] for t in touched if np.issubdtype(t["dtype"], np.floating)]
        # A kept layer stands between a DEQUANTIZE and a QUANTIZE.
        if floats and op["op_name"] != "DELEGATE" and not (kept and op["op_name"] in ("DEQUANTIZE", "QUANTIZE")):
            output = tensors[int(op["outputs"][0])]["name"]
            if output not in kept:
                raise ModelFormatError(f"tensor {floats[0]} of {op['op_name']} is still in float in int8")
            in_float.add(output)
    if in_float != set(kept):
        missing = sorted(name for output, name in kept.items() if output not in in_float)
        raise ModelFormatError(f"{', '.join(missing)} should have stayed in float and was quantized")


def _check_input(quantized: bytes) -> None:
    pixels = load(quantized).get_input_details()[0]
    scale, zero = pixels["quantization"]
    if pixels["dtype"] != np.int8 or abs(scale - 1) > 1e-6 or zero != -128:
        raise ModelFormatError(
            f"input is {np.dtype(pixels['dtype']).name} with scale {scale:.4f} and zero point {zero}, "
            "not int8 with 1.0 and -128; the input range must be pinned to [0, 255] before quantizing"
        )


def _check_ends(quantized: bytes) -> None:
    """Feed a ramp of all grey values: the ends may lose one level to rounding, not more."""
    graph = load_whole(quantized)
    shape = graph.get_input_details()[0]["shape"]
    ramp = np.arange(shape[1] * shape[2]).astype(np.uint8).reshape(shape[1], shape[2])
    answer(graph, ramp)
    for tensor in graph.get_tensor_details():
        if "/scale" not in tensor["name"] or list(tensor["shape"]) != list(shape):
            continue
        levels = graph.get_tensor(tensor["index"]).ravel()
        if levels[0] == levels[2] or levels[253] == levels[255]:
            raise ModelFormatError(f"tensor {tensor['name']} saturates before black or white is reached")
