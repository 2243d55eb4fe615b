"""The quantization error of each layer, in decibels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..data.results.conversion import InspectionResult
from ..data.results.files import INSPECTION, INSPECTION_SCHEMA
from ..errors import ModelFormatError
from ..models.files import replacing, write_json
from ..models.record import Scheme
from .interpreter import answer, load_whole
from .layers import Layer, layers

MOST_FACES = 64
"""Another 64 faces move a layer's ratio by up to 0.7 dB; by 3 dB where calibration cut rare extremes off."""

EXACT = 8 * 20 * math.log10(2) + 10 * math.log10(1.5)
"""49.9 dB, the ratio of a full-scale sine in eight bits; stands for "no error"."""


@dataclass(frozen=True)
class LayerError:
    """The quantization error of one layer's output.

    Attributes:
        name: The layer, as `layers.Layer` names it.
        operator: TFLite's name of its operator.
        sqnr: Signal-to-quantization-noise ratio of its output in dB: 10 log10 of the float output's
            power over the power of the difference; it includes the errors of all layers before.
        lost: The ratio of its noisiest input minus its own, in dB: the loss in this layer.
    """

    name: str
    operator: str
    sqnr: float
    lost: float


@dataclass(frozen=True)
class Inspection:
    """The error of each layer of a quantized graph.

    Attributes:
        layers: Every layer that both graphs have, in the order they run.
        faces: How many faces were run.
        matched: Share of the float graph's layers that the quantized graph has, too.
    """

    layers: tuple[LayerError, ...]
    faces: int
    matched: float

    def worst(self, count: int = 5) -> list[LayerError]:
        """Return the layers that lose most by themselves, the worst first."""
        return sorted(self.layers, key=lambda layer: -layer.lost)[:count]

    def to_json(self, model: str, scheme: Scheme) -> InspectionResult:
        """Return all of it, ready for JSON.

        Args:
            model: Name of the quantized file.
            scheme: Its scheme.
        """
        return {
            "schema": INSPECTION_SCHEMA,
            "model": model,
            "scheme": scheme,
            "faces": self.faces,
            "matched": self.matched,
            "layers": [
                {"name": layer.name, "operator": layer.operator, "sqnr": layer.sqnr, "lost": layer.lost}
                for layer in self.layers
            ],
        }


def inspect(quantized: bytes, floating: bytes, images: NDArray[np.uint8]) -> Inspection:
    """Compare the output of each layer of a quantized graph with the float graph's.

    Args:
        quantized: Flatbuffer in int8, or any other scheme.
        floating: Float32 flatbuffer of the same network.
        images: uint8 [n, h, w]; the first 64 are run.

    Raises:
        ModelFormatError: Less than 90 % of the float graph's layers are in the quantized graph, by the
            name of the tensor that they write; the two are not of one network.
    """
    images = images[:MOST_FACES]
    ours, theirs = load_whole(quantized), load_whole(floating)
    known = layers(floating)
    details = [{tensor["name"]: tensor for tensor in graph.get_tensor_details()} for graph in (ours, theirs)]
    written = {layer.output for layer in layers(quantized)}
    both = [layer for layer in known if layer.output in written]
    matched = len(both) / len(known)
    if matched < 0.9:
        raise ModelFormatError(
            f"only {len(both)} of {len(known)} layers of the float graph are in the quantized one; "
            "the two are not of the same network"
        )
    signal, noise = dict.fromkeys([x.output for x in both], 0.0), dict.fromkeys([x.output for x in both], 0.0)
    for image in images:
        for graph in (ours, theirs):
            answer(graph, image)
        for layer in both:
            got, want = (
                _values(graph, known[layer.output]) for graph, known in zip((ours, theirs), details, strict=True)
            )
            signal[layer.output] += float(np.square(want).sum())
            noise[layer.output] += float(np.square(got - want).sum())
    ratios = {name: _decibel(signal[name], noise[name]) for name in signal}
    return Inspection(tuple(_error(layer, ratios) for layer in both), len(images), matched)


def write(inspection: Inspection, model: Path, scheme: Scheme) -> Path:
    """Write MODEL-inspect.json, which the report reads, and the same as a picture beside it.

    Args:
        inspection: What to write.
        model: The quantized file; both are written to its folder.
        scheme: Its scheme.

    Returns:
        The picture.

    Raises:
        OutputError: The folder can't be written.
    """
    path = model.with_name(INSPECTION.format(model=model.stem))
    write_json(path, inspection.to_json(model.name, scheme))
    chart = path.with_suffix(".png")
    draw(inspection, f"{model.name}: {scheme} against float32, {inspection.faces} faces", chart)
    return chart


def draw(inspection: Inspection, title: str, path: str | Path) -> None:
    """Draw the ratio of each layer, from the input down, with the worst five marked.

    Args:
        inspection: What to draw.
        title: Title of the picture.
        path: PNG file to write.
    """
    rows = inspection.layers
    worst = {layer.name for layer in inspection.worst()}
    figure = Figure(figsize=(8, 1.4 + 0.26 * len(rows)), layout="constrained")
    axis = figure.subplots()
    colours = ["tab:red" if row.name in worst else "tab:blue" for row in rows]
    bars = axis.barh(range(len(rows)), [row.sqnr for row in rows], color=colours)
    axis.bar_label(bars, [f"{row.sqnr:.1f}" for row in rows], padding=2, fontsize=7)
    axis.set_yticks(range(len(rows)), [f"{row.name}  {row.operator}" for row in rows], fontsize=7)
    axis.invert_yaxis()
    axis.margins(x=0.08, y=0.01)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    axis.set(xlabel="signal to quantization noise, dB (red: the five that lose most by themselves)", title=title)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)


def _values(graph: Interpreter, tensor: dict[str, Any]) -> NDArray[np.float64]:
    scale, zero = tensor["quantization"]
    raw = graph.get_tensor(tensor["index"]).astype(np.float64)
    return (raw - zero) * scale if scale else raw


def _decibel(signal: float, noise: float) -> float:
    # A layer without any error, or one that is always zero, loses nothing.
    return 10 * math.log10(signal / noise) if signal and noise else EXACT


def _error(layer: Layer, ratios: dict[str, float]) -> LayerError:
    before = min([EXACT, *(ratios[name] for name in layer.inputs if name in ratios)])
    return LayerError(layer.name, layer.operator, ratios[layer.output], before - ratios[layer.output])
