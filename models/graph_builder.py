"""Building small TFLite graphs from the schema that LiteRT brings along, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import DTypeLike, NDArray

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int8": schema.TensorType.INT8,
}


class GraphBuilder:
    """A TFLite graph under construction. Tensors are referred to by the numbers that `tensor` and `constant` return.

    graph = GraphBuilder()
    pixels, logits = graph.tensor("pixels", (1, 4)), graph.tensor("logits", (1, 2))
    weights = graph.constant("weights", np.ones((2, 4), np.float32))
    graph.operator(schema.BuiltinOperator.FULLY_CONNECTED, [pixels, weights, -1], logits)
    content = graph.build([pixels], [logits])
    """

    def __init__(self) -> None:
        # Any, because the schema's classes declare lists, where arrays are packed much faster.
        self._subgraph: Any = schema.SubGraphT()
        self._subgraph.tensors, self._subgraph.operators = [], []
        self._model: Any = schema.ModelT()
        self._model.version, self._model.operatorCodes, self._model.subgraphs = 3, [], [self._subgraph]
        self._model.buffers = [schema.BufferT()]  # number 0 stands for "no data"

    def tensor(
        self, name: str, shape: Sequence[int], dtype: DTypeLike = np.float32, *, scales: Sequence[float] = ()
    ) -> int:
        """Add a tensor that the runtime fills and return its number.

        Args:
            name: Its name.
            shape: Its shape.
            dtype: float32, int32 or int8.
            scales: For a quantized tensor its scale, or one for each index of the first axis; zero points are 0.
        """
        tensor: Any = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), _TYPES[np.dtype(dtype).name], 0
        if len(scales):
            quantization: Any = schema.QuantizationParametersT()
            quantization.scale = np.array(scales, np.float32)
            quantization.zeroPoint = np.zeros(len(scales), np.int64)
            tensor.quantization = quantization
        self._subgraph.tensors.append(tensor)
        return len(self._subgraph.tensors) - 1

    def constant(self, name: str, values: NDArray[Any], *, scales: Sequence[float] = ()) -> int:
        """Add a tensor with fixed values, for instance weights, and return its number; see `tensor`."""
        number = self.tensor(name, values.shape, values.dtype, scales=scales)
        buffer: Any = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        self._subgraph.tensors[number].buffer = len(self._model.buffers) - 1
        return number

    def operator(
        self, code: int, inputs: Sequence[int], output: int, options: Any | None = None, *, version: int = 1
    ) -> None:
        """Add an operator; operators run in the order in which they are added.

        Args:
            code: A value of `schema.BuiltinOperator`.
            inputs: Numbers of its input tensors; -1 for an optional one that is left out.
            output: Number of its output tensor.
            options: The schema's options object for it, for instance `schema.Conv2DOptionsT()`.
            version: Version of the operator.
        """
        operator: Any = schema.OperatorT()
        operator.opcodeIndex = self._code(code, version)
        operator.inputs, operator.outputs = list(inputs), [output]
        if options is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
            operator.builtinOptions = options
        self._subgraph.operators.append(operator)

    def build(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """Return the graph as a TFLite flatbuffer.

        Args:
            inputs: Numbers of the graph's input tensors.
            outputs: Numbers of the graph's output tensors.
        """
        self._subgraph.inputs, self._subgraph.outputs = list(inputs), list(outputs)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _code(self, builtin: int, version: int) -> int:
        for number, known in enumerate(self._model.operatorCodes):
            if (known.builtinCode, known.version) == (builtin, version):
                return number
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = version
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1
