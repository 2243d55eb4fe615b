"""The layers of a TFLite graph, by names that people can read and type."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import unknown
from .interpreter import load_whole


@dataclass(frozen=True)
class Layer:
    """One operator of a graph.

    Attributes:
        name: The Keras layer and its part, for instance `conv2d_3/convolution`.
        operator: TFLite's name of the operator.
        inputs: Names of the tensors it reads, weights left out.
        output: Name of the tensor it writes.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    output: str


def layers(graph: bytes) -> list[Layer]:
    """List the layers of a graph in the order they run."""
    interpreter = load_whole(graph)
    tensors: dict[int, dict[str, Any]] = {t["index"]: t for t in interpreter.get_tensor_details()}
    operators = interpreter._get_ops_details()
    written = {int(i) for op in operators for i in op["outputs"]}
    written |= {detail["index"] for detail in interpreter.get_input_details()}
    found: list[tuple[str, Layer]] = []
    for op in operators:
        read = [int(i) for i in op["inputs"] if i >= 0]
        output = tensors[int(op["outputs"][0])]["name"]
        weights = [tensors[i]["name"] for i in read if i not in written and len(tensors[i]["shape"]) > 1]
        inputs = tuple(tensors[i]["name"] for i in read if i in written)
        found.append((weights[0] if weights else output, Layer(output, op["op_name"], inputs, output)))
    names = _readable([name for name, _ in found])
    several = {name for name, count in Counter(names).items() if count > 1}
    # A name that two layers share would choose both; what they write tells them apart.
    return [
        layer if name in several else replace(layer, name=name) for name, (_, layer) in zip(names, found, strict=True)
    ]


def choose(known: Iterable[Layer], wanted: Iterable[str]) -> list[Layer]:
    """Choose layers by name.

    Args:
        known: The layers of a graph.
        wanted: For each: a layer's name, its first part (`conv2d_3`), or a regular expression that
            the name matches as a whole.

    Returns:
        The chosen layers, each once, in the order of the graph.

    Raises:
        UnknownNameError: A name or expression fits no layer.
    """
    known = list(known)
    chosen: set[Layer] = set()
    for name in wanted:
        fitting = [layer for layer in known if name in (layer.name, layer.name.split("/")[0], layer.output)]
        if not fitting:
            fitting = [layer for layer in known if _matches(name, layer.name)]
        if not fitting:
            raise unknown("layer", name, [layer.name for layer in known])
        chosen |= set(fitting)
    return [layer for layer in known if layer in chosen]


def _readable(names: list[str]) -> list[str]:
    # "model/layer/part;model/other/part" lists what the converter fused, innermost last.
    paths = [name.rsplit(";", maxsplit=1)[-1].split("/") for name in names]
    # The models around the layers have the same names in front of every layer.
    outer = [path[:-2] for path in paths if len(path) > 2]
    shared = 0
    while outer and all(len(path) > shared and path[shared] == outer[0][shared] for path in outer):
        shared += 1
    return ["/".join(path[shared:] if len(path) > 2 else path) for path in paths]


def _matches(expression: str, name: str) -> bool:
    try:
        return re.fullmatch(expression, name) is not None
    except re.error:
        return False
