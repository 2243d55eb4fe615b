"""From a published ONNX network to the same network in Keras, for the operators that we have met."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import onnx
from keras import ops
from onnx import numpy_helper

from ..errors import ModelFormatError


@dataclass(frozen=True)
class Part:
    """A part of a network, built again.

    Attributes:
        outputs: Symbolic Keras tensors.
        parameters: Values in the kernels, biases and slopes that they need.
        macs: Multiply-accumulates in convolutions and matrix products.
    """

    outputs: list[Any]
    parameters: int
    macs: int


def rebuilt(network: onnx.ModelProto, pixels: Any, outputs: Sequence[str]) -> Part:
    """Build a network again, as far as some of its outputs need it.

    ONNX keeps images as [n, c, h, w], Keras as [n, h, w, c]: kernels are turned, and the network's own
    changes between the two fall away. A `Reshape` or `Flatten` is taken to follow a change to
    [n, h, w, c]; where it does not, the values differ, so compare them with ONNX Runtime's.

    Args:
        network: Has one input, and batch size 1 at inference.
        pixels: Symbolic Keras tensor [1, h, w, c] for its input.
        outputs: Names of outputs.

    Returns:
        The outputs in the order of their names.

    Raises:
        ModelFormatError: An operator, or the way it is used, has no Keras form here.
    """
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in network.graph.initializer}
    producers = {name: node for node in network.graph.node for name in node.output}
    parameters = macs = 0

    @cache
    def tensor(name: str) -> Any:
        nonlocal parameters, macs
        if name not in producers:
            return constants.get(name, pixels)
        node = producers[name]
        if node.op_type not in _OPERATORS:
            raise _unsupported(f"operator {node.op_type}")
        inputs = [tensor(source) for source in node.input]
        options = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
        result = _OPERATORS[node.op_type](inputs, options)
        if node.op_type in ("Conv", "MatMul"):
            positions = result.shape[1] * result.shape[2] if len(result.shape) == 4 else 1
            macs += positions * inputs[1].size
        if node.op_type in ("Conv", "MatMul", "Add", "PRelu"):
            parameters += sum(constants[source].size for source in node.input if source in constants)
        return result

    built = [tensor(name) for name in outputs]
    return Part(built, parameters, macs)


def _conv(inputs: list[Any], options: dict[str, Any]) -> Any:
    x, kernel, *bias = inputs
    groups, channels = options.get("group", 1), x.shape[-1]
    if any(step != 1 for step in options.get("dilations", [])):
        raise _unsupported("dilated Conv")
    x, padding = _padded(x, kernel.shape[2:], options)
    if groups == 1:
        y = ops.conv(x, kernel.transpose(2, 3, 1, 0), _stride(options), padding)
    elif groups == channels == len(kernel):
        y = ops.depthwise_conv(x, kernel.transpose(2, 3, 0, 1), _stride(options), padding)
    else:
        raise _unsupported(f"Conv with {groups} groups of {channels} channels")
    return ops.add(y, bias[0]) if bias else y


def _padded(x: Any, kernel: Sequence[int], options: dict[str, Any]) -> tuple[Any, str]:
    """Return `x` and Keras's word for the padding; what that can't say is padded here."""
    automatic = options.get("auto_pad", b"NOTSET")
    if automatic in (b"VALID", b"SAME_UPPER"):
        return x, "same" if automatic == b"SAME_UPPER" else "valid"
    if automatic != b"NOTSET":
        raise _unsupported(f"padding {automatic.decode()}")
    top, left, bottom, right = options.get("pads", (0, 0, 0, 0))
    if not (top or left or bottom or right):
        return x, "valid"
    # Keras's "same" with a stride puts the odd row at the bottom, ONNX's equal pads do not.
    if list(options["strides"]) == [1, 1] and (top, left) == (bottom, right) == tuple(n // 2 for n in kernel):
        return x, "same"
    return ops.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0))), "valid"


def _max_pool(inputs: list[Any], options: dict[str, Any]) -> Any:
    x, padding = _padded(inputs[0], options["kernel_shape"], options | {"pads": (0, 0, 0, 0)})
    if any(options.get("pads", [])) or options.get("ceil_mode"):
        raise _unsupported("MaxPool with pads or ceil_mode")
    return ops.max_pool(x, tuple(options["kernel_shape"]), _stride(options), padding)


def _stride(options: dict[str, Any]) -> int:
    down, across = options["strides"]
    if down != across:
        raise _unsupported(f"stride {down} x {across}")
    return down


def _prelu(inputs: list[Any], _: dict[str, Any]) -> Any:
    x, slope = inputs
    if len(x.shape) == 4:
        # [c, 1, 1] to [1, 1, c]. In this form and rank the TFLite converter sees one PRELU.
        slope = slope.reshape(1, 1, -1)
    return ops.add(ops.relu(x), ops.multiply(-slope, ops.relu(ops.negative(x))))


def _resize(inputs: list[Any], options: dict[str, Any]) -> Any:
    x, *_, scales = inputs
    if options.get("mode") != b"nearest" or len(scales) != 4 or any(scales % 1):
        raise _unsupported("Resize other than nearest by whole factors")
    # For whole factors all ways of rounding to the nearest pixel agree.
    size = (int(x.shape[1] * scales[2]), int(x.shape[2] * scales[3]))
    return ops.image.resize(x, size, interpolation="nearest")


def _transpose(inputs: list[Any], options: dict[str, Any]) -> Any:
    if list(options["perm"]) not in ([0, 2, 3, 1], [0, 3, 1, 2]):
        raise _unsupported(f"Transpose by {list(options['perm'])}")
    return inputs[0]


def _reshape(inputs: list[Any], _: dict[str, Any]) -> Any:
    x, shape = inputs
    return ops.reshape(x, tuple(int(n) for n in shape))


def _unsupported(what: str) -> ModelFormatError:
    return ModelFormatError(f"{what} has no Keras form here; known operators: {', '.join(_OPERATORS)}")


_OPERATORS: dict[str, Callable[[list[Any], dict[str, Any]], Any]] = {
    "Add": lambda inputs, _: ops.add(*inputs),
    "Conv": _conv,
    "Flatten": lambda inputs, _: ops.reshape(inputs[0], (inputs[0].shape[0], -1)),
    "MatMul": lambda inputs, _: ops.matmul(*inputs),
    "MaxPool": _max_pool,
    "PRelu": _prelu,
    "Relu": lambda inputs, _: ops.relu(inputs[0]),
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": lambda inputs, _: ops.sigmoid(inputs[0]),
    "Softmax": lambda inputs, _: ops.softmax(inputs[0]),
    "Transpose": _transpose,
}
