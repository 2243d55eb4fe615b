"""Running a graph that was just made, before it is a model file."""

from __future__ import annotations

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from ..data.dataset import Faces
from ..models.native_log import muted_stderr
from ..models.preprocess import to_input


def load(graph: bytes) -> Interpreter:
    """Open a graph as a device does, with XNNPACK where it can."""
    with muted_stderr():
        interpreter = Interpreter(model_content=graph)
        interpreter.allocate_tensors()
    return interpreter


def load_whole(graph: bytes) -> Interpreter:
    """Open a graph so that every tensor can be read: the built-in kernels, nothing fused or freed."""
    with muted_stderr():
        interpreter = Interpreter(
            model_content=graph,
            experimental_preserve_all_tensors=True,
            # A delegate would hide the tensors in between.
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    return interpreter


def answer(graph: Interpreter, image: NDArray[np.uint8]) -> NDArray[np.generic]:
    """Run a graph on one face, uint8 [h, w], and return its logits as they come, [classes]."""
    pixels = graph.get_input_details()[0]
    graph.set_tensor(pixels["index"], to_input(image[None], pixels["dtype"], pixels["quantization"]))
    graph.invoke()
    return graph.get_tensor(graph.get_output_details()[0]["index"])[0]


def classes(graph: bytes, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the class that a graph names for each face, uint8 [n, h, w] to int64 [n]."""
    loaded = load(graph)
    return np.array([answer(loaded, image).argmax() for image in images], np.int64)


def accuracy(graph: bytes, faces: Faces) -> float:
    """Return the share of faces that a graph names rightly, 0 to 1."""
    return float((classes(graph, faces.images) == faces.labels).mean())
