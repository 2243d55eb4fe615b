"""The fastest convolution that the runtime reaches on this machine: what a model's speed is held against.

The graphs are put together here from the schema that LiteRT brings along, so that a device needs
neither TensorFlow nor a shipped file for them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.modelfile import ModelFile
from ..models.record import Scheme
from ..models.runtime import LoadedModel

_TRIALS = 8


@dataclass(frozen=True)
class Shape:
    """Equal convolutions in a row, stride 1, padded, with ReLU.

    Attributes:
        side: Height and width in pixels.
        channels: Channels in and out.
        kernel: Height and width of the kernel.
        layers: How many follow one another, so that copying in and out weighs little.
    """

    side: int
    channels: int
    kernel: int
    layers: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates, the padding counted as pixels (as `Record.macs` counts)."""
        return self.layers * (self.side * self.channels * self.kernel) ** 2

    def __str__(self) -> str:
        return f"{self.layers} x {self.kernel}x{self.kernel}, {self.channels} channels, {self.side}x{self.side}"


SHAPES = (Shape(24, 64, 3, 2), Shape(24, 128, 3, 1), Shape(24, 256, 1, 2))
"""What is tried: channels in multiples of every register width, and data that fit the second-level cache."""


def available() -> bool:
    """Tell whether the schema is here; `tflite_runtime` brings none."""
    try:
        import flatbuffers  # noqa: F401
        from ai_edge_litert import schema_py_generated  # noqa: F401
    except ImportError:
        return False
    return True


def fastest(scheme: Scheme, threads: int) -> tuple[Shape, LoadedModel]:
    """Load each of `SHAPES` and return the one with the most multiply-accumulates a second here.

    Args:
        scheme: `int8` or `float32`.
        threads: Threads for one inference.
    """
    files = [ModelFile(build(shape, scheme), None, Path(f"peak-{scheme}")) for shape in SHAPES]
    loaded = [LoadedModel(file, threads=threads) for file in files]
    return max(zip(SHAPES, loaded, strict=True), key=lambda pair: pair[0].macs / _best_time(pair[1]))


def build(shape: Shape, scheme: Scheme, seed: int = 0) -> bytes:
    """Make the graph of a shape, with random weights.

    Args:
        shape: Its convolutions.
        scheme: `int8` (weights by channel, activations by tensor) or `float32`.
        seed: Of the weights; time does not depend on them.

    Returns:
        A TFLite flatbuffer: [1, side, side, channels] of the scheme's dtype, in and out.

    Raises:
        ImportError: The schema is missing, see `available`.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    rng = np.random.default_rng(seed)
    graph = _Graph(schema, scheme)
    pixels = (1, shape.side, shape.side, shape.channels)
    last = graph.activation("input", pixels)
    graph.subgraph.inputs = [last]
    for layer in range(shape.layers):
        weights = rng.integers(-127, 128, (shape.channels, shape.kernel, shape.kernel, shape.channels)).astype(np.int8)
        constants = graph.weights(f"weights{layer}", weights), graph.bias(f"bias{layer}", shape.channels)
        result = graph.activation(f"output{layer}", pixels)
        graph.convolve([last, *constants], result)
        last = result
    graph.subgraph.outputs = [last]
    builder = flatbuffers.Builder(1024)
    builder.Finish(graph.model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


class _Graph:
    """A flatbuffer under construction, in the schema's object form."""

    _SCALE = 0.05  # of activations: any will do
    _WEIGHT_SCALE = 0.001

    def __init__(self, schema: Any, scheme: Scheme) -> None:
        self._schema = schema
        self._int8 = scheme == "int8"
        self._dtype = schema.TensorType.INT8 if self._int8 else schema.TensorType.FLOAT32
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
        code.version = 3 if self._int8 else 1
        self.subgraph = schema.SubGraphT()
        self.subgraph.tensors, self.subgraph.operators = [], []
        self.model = schema.ModelT()
        self.model.version, self.model.operatorCodes, self.model.subgraphs = 3, [code], [self.subgraph]
        self.model.buffers = [schema.BufferT()]  # number 0 stands for "no data"

    def activation(self, name: str, shape: tuple[int, ...]) -> int:
        return self._tensor(name, shape, self._dtype, [self._SCALE])

    def weights(self, name: str, values: NDArray[np.int8]) -> int:
        scales = [self._WEIGHT_SCALE] * len(values)
        data = values if self._int8 else (values * self._WEIGHT_SCALE).astype(np.float32)
        return self._tensor(name, values.shape, self._dtype, scales, data)

    def bias(self, name: str, channels: int) -> int:
        dtype = self._schema.TensorType.INT32 if self._int8 else self._dtype
        data = np.zeros(channels, np.int32 if self._int8 else np.float32)
        return self._tensor(name, (channels,), dtype, [self._SCALE * self._WEIGHT_SCALE] * channels, data)

    def convolve(self, inputs: list[int], output: int) -> None:
        options = self._schema.Conv2DOptionsT()
        options.padding = self._schema.Padding.SAME
        options.strideH = options.strideW = 1
        options.fusedActivationFunction = self._schema.ActivationFunctionType.RELU
        operator = self._schema.OperatorT()
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = self._schema.BuiltinOptions.Conv2DOptions, options
        self.subgraph.operators.append(operator)

    def _tensor(
        self, name: str, shape: tuple[int, ...], dtype: int, scales: list[float], data: NDArray[Any] | None = None
    ) -> int:
        tensor = self._schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), dtype, 0
        if self._int8:
            tensor.quantization = self._schema.QuantizationParametersT()
            tensor.quantization.scale = np.array(scales, np.float32)
            tensor.quantization.zeroPoint = np.zeros(len(scales), np.int64)
        if data is not None:
            buffer = self._schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            tensor.buffer = len(self.model.buffers) - 1
        self.subgraph.tensors.append(tensor)
        return len(self.subgraph.tensors) - 1


def _best_time(model: LoadedModel) -> float:
    value = np.ones(model.inputs[0]["shape"], model.inputs[0]["dtype"])
    times = []
    for _ in range(_TRIALS):
        start = time.perf_counter()
        model.run_raw(value)
        times.append(time.perf_counter() - start)
    return min(times)
