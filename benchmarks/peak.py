"""The fastest convolution that the runtime reaches on this machine: what a model's speed is held against.

The graphs are built here from the schema that LiteRT brings along (`models.graph_builder`), so that a
device needs neither TensorFlow nor a shipped file for them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..models.modelfile import ModelFile
from ..models.record import Scheme
from ..models.runtime import LoadedModel

_TRIALS = 8
_SCALE, _WEIGHT_SCALE = 0.05, 0.001  # of quantized activations and weights: any will do


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
    """Return whether the schema is installed; `tflite_runtime` brings none."""
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
    from ai_edge_litert import schema_py_generated as schema

    from ..models.graph_builder import GraphBuilder

    quantized = scheme == "int8"
    dtype = np.int8 if quantized else np.float32
    rng = np.random.default_rng(seed)
    graph = GraphBuilder()

    def activation(name: str) -> int:
        pixels = (1, shape.side, shape.side, shape.channels)
        return graph.tensor(name, pixels, dtype, scales=[_SCALE] if quantized else ())

    first = last = activation("input")
    for layer in range(shape.layers):
        kernel = rng.integers(-127, 128, (shape.channels, shape.kernel, shape.kernel, shape.channels)).astype(np.int8)
        if quantized:
            scales = np.full(shape.channels, _WEIGHT_SCALE)
            weights = graph.constant(f"weights{layer}", kernel, scales=scales.tolist())
            zeros = np.zeros(shape.channels, np.int32)
            bias = graph.constant(f"bias{layer}", zeros, scales=(_SCALE * scales).tolist())
        else:
            weights = graph.constant(f"weights{layer}", (kernel * _WEIGHT_SCALE).astype(np.float32))
            bias = graph.constant(f"bias{layer}", np.zeros(shape.channels, np.float32))
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME
        options.strideH = options.strideW = 1
        options.fusedActivationFunction = schema.ActivationFunctionType.RELU
        following = activation(f"output{layer}")
        graph.operator(
            schema.BuiltinOperator.CONV_2D, [last, weights, bias], following, options, version=3 if quantized else 1
        )
        last = following
    return graph.build([first], [last])


def _best_time(model: LoadedModel) -> float:
    value = np.ones(model.inputs[0]["shape"], model.inputs[0]["dtype"])
    times = []
    for _ in range(_TRIALS):
        start = time.perf_counter()
        model.run_raw(value)
        times.append(time.perf_counter() - start)
    return min(times)
