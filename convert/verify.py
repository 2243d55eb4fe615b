"""Step 4, verify: what must hold of an int8 model before anybody gets it."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from ..models.errors import ModelFormatError
from ..models.preprocess import to_input
from ..models.quiet import quiet


def verify(quantized: bytes, floating: bytes, images: NDArray[np.uint8]) -> float:
    """Check an int8 graph, and against its float twin.

    Args:
        quantized: Int8 flatbuffer.
        floating: Float32 flatbuffer of the same network.
        images: uint8 [n, h, w], faces to compare the two on.

    Returns:
        Share of `images` on which both name the same class, 0 to 1.

    Raises:
        ModelFormatError: A tensor is not integer, the input is not the pixel minus 128, black or
            white is not told from its neighbour, or the two differ on more than a tenth of the faces.
    """
    graph = _load(quantized)
    for tensor in graph.get_tensor_details():
        if np.issubdtype(tensor["dtype"], np.floating):
            raise ModelFormatError(f"tensor {tensor['name']} is still {np.dtype(tensor['dtype']).name} in int8")
    pixels = graph.get_input_details()[0]
    scale, zero = pixels["quantization"]
    if pixels["dtype"] != np.int8 or abs(scale - 1) > 1e-6 or zero != -128:
        raise ModelFormatError(
            f"input is {np.dtype(pixels['dtype']).name} with scale {scale:.4f} and zero point {zero}, "
            "not int8 with 1.0 and -128; the input range must be pinned to [0, 255] before quantizing"
        )
    _check_ends(quantized)
    twin = _load(floating)
    both = np.array([[_logits(g, image).argmax() for g in (graph, twin)] for image in images])
    agreement = float((both[:, 0] == both[:, 1]).mean())
    if agreement < 0.9:
        raise ModelFormatError(
            f"int8 and float agree on only {agreement:.1%} of {len(images)} faces; the network does not "
            "quantize well: look at its activations' ranges, or train with a stronger L2 penalty"
        )
    return agreement


def _load(graph: bytes) -> Interpreter:
    with quiet():
        interpreter = Interpreter(model_content=graph)
        interpreter.allocate_tensors()
    return interpreter


def _logits(graph: Interpreter, image: NDArray[np.uint8]) -> NDArray[np.generic]:
    pixels = graph.get_input_details()[0]
    graph.set_tensor(pixels["index"], to_input(image[None], pixels["dtype"]))
    graph.invoke()
    return graph.get_tensor(graph.get_output_details()[0]["index"])[0]


def _check_ends(quantized: bytes) -> None:
    """Feed a ramp of all grey values: the ends may lose one level to rounding, not more."""
    graph = Interpreter(
        model_content=quantized,
        experimental_preserve_all_tensors=True,
        # A delegate would hide the tensors in between.
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    graph.allocate_tensors()
    shape = graph.get_input_details()[0]["shape"]
    ramp = np.arange(shape[1] * shape[2]).astype(np.uint8).reshape(shape[1], shape[2])
    _logits(graph, ramp)
    for tensor in graph.get_tensor_details():
        if "/scale" not in tensor["name"] or list(tensor["shape"]) != list(shape):
            continue
        levels = graph.get_tensor(tensor["index"]).ravel()
        if levels[0] == levels[2] or levels[253] == levels[255]:
            raise ModelFormatError(f"tensor {tensor['name']} saturates before black or white is reached")
