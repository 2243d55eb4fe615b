"""Charts of the report as inline SVG: they take their colours from the page, so light, dark and print all work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TypedDict

from ..data.results.accuracy import ModelScores
from ..data.results.conversion import LayerErrorFields
from ..data.results.environment import Interval
from ..data.results.latency import Histogram, ModelTimes

_WIDTH, _HEIGHT = 420, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 24, 12, 44
FEWEST = 10
"""Faces that a dot of the reliability diagram stands for at least."""

_COLOURS = 4
"""Colours that the page defines as --c0, --c1, …; a fifth model begins again."""


class Point(TypedDict):
    """A model: its median latency in milliseconds, and its accuracy with the 95 % interval."""

    p50: float
    accuracy: float
    interval: Interval
    bytes: int
    title: str


@dataclass(frozen=True)
class Axes:
    """A frame with two linear axes, drawn from the smaller to the larger end.

    Attributes:
        x: Ends of the horizontal axis.
        y: Ends of the vertical axis.
        x_title: What is to the right.
        y_title: What is upward.
        percent: The vertical axis shows shares.
        x_percent: The horizontal axis shows shares.
        y_ticks: The vertical axis has a scale.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str
    y_title: str
    percent: bool = False
    x_percent: bool = False
    y_ticks: bool = True

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point lies in the drawing."""
        right = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return _LEFT + right * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    def draw(self, title: str, inside: Sequence[str]) -> str:
        """Return the whole SVG.

        Args:
            title: What the chart shows, for those who can't see it.
            inside: Shapes drawn over the grid.
        """
        parts = []
        for value, text in _ticks(*self.x, self.x_percent):
            (across, bottom), (_, top) = self.at(value, self.y[0]), self.at(value, self.y[1])
            parts.append(_line(across, bottom, across, top, "grid"))
            parts.append(_text(across, bottom + 16, text, "middle"))
        for value, text in _ticks(*self.y, self.percent) if self.y_ticks else ():
            (left, height), (right, _) = self.at(self.x[0], value), self.at(self.x[1], value)
            parts.append(_line(left, height, right, height, "grid"))
            parts.append(_text(left - 6, height + 4, text, "end"))
        middle = _TOP + (_HEIGHT - _TOP - _BOTTOM) / 2
        parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, self.x_title, "middle"))
        parts.append(_text(12, middle, self.y_title, "middle", f' transform="rotate(-90 12 {middle:.0f})"'))
        return _svg(title, _HEIGHT, [*parts, *inside])


def reliability(models: Sequence[ModelScores]) -> str:
    """Draw how often models are right against how sure they are; on the diagonal the two agree.

    Args:
        models: Rows of an accuracy result.
    """
    axes = Axes((0, 1), (0, 1), "confidence", "accuracy", percent=True, x_percent=True)
    inside = [_line(*axes.at(0, 0), *axes.at(1, 1), "ideal")]
    for place, model in enumerate(models):
        bins = [row for row in model["reliability"] if row["count"] >= FEWEST]
        most = max((row["count"] for row in bins), default=1)
        points = [axes.at(row["confidence"], row["accuracy"]) for row in bins]
        inside.append(_path(points, place))
        for point, row in zip(points, bins, strict=True):
            size = 2 + 5 * math.sqrt(row["count"] / most)
            inside.append(_dot(point, size, place, f"{row['count']} faces, {row['accuracy']:.0%} right"))
    return axes.draw("Accuracy by confidence", inside)


def distributions(models: Sequence[ModelTimes]) -> str:
    """Draw how single inferences are spread over time, each model to a height of its own.

    Args:
        models: Rows of a latency result.
    """
    curves = [_steps(model["histogram"]) for model in models]
    # Cut where the slowest model's bulk ends: a disturbed tail would press everything else flat.
    last = max(min(points[-1][0], 2.5 * model["p50"]) for points, model in zip(curves, models, strict=True))
    axes = Axes((0, last), (0, 1.05), "milliseconds", "inferences", y_ticks=False)
    inside = []
    for place, (model, points) in enumerate(zip(models, curves, strict=True)):
        # Each to its own height, or the steadiest model would leave no room to the others.
        high = max(share for _, share in points)
        shown = [axes.at(min(x, last), share / high) for x, share in points]
        inside.append(_path(shown, place, fill=True))
        median = min(model["p50"], last)
        inside.append(_line(*axes.at(median, 0), *axes.at(median, 1), f"s{place % _COLOURS} median"))
    return axes.draw("Distribution of single inferences", inside)


def pareto(points: Sequence[Point]) -> str:
    """Draw accuracy against latency, the area of a mark standing for the file's size; up and left is better.

    Args:
        points: One for each model.
    """
    slowest = max(point["p50"] for point in points)
    low, high = min(p["interval"][0] for p in points), max(p["interval"][1] for p in points)
    spare = 0.15 * max(high - low, 0.01)
    axes = Axes((0, 1.25 * slowest), (low - spare, high + spare), "milliseconds a face", "accuracy", percent=True)
    most = max(point["bytes"] for point in points)
    inside = []
    for place, point in enumerate(points):
        bottom, top = (axes.at(point["p50"], end) for end in point["interval"])
        inside.append(_line(*bottom, *top, f"s{place % _COLOURS} bar"))
        size = 18 * math.sqrt(point["bytes"] / most)
        inside.append(_dot(axes.at(point["p50"], point["accuracy"]), max(3.0, size), place, point["title"]))
    return axes.draw("Accuracy against latency", inside)


def layers(rows: Sequence[LayerErrorFields], most: int = 40) -> str:
    """Draw the signal to quantization noise of each layer as bars, in the order of the network.

    Args:
        rows: Rows of an inspection. The five layers that lose most by themselves are marked.
        most: Show only so many, those that lose most by themselves.
    """
    worst = sorted(range(len(rows)), key=lambda place: -rows[place]["lost"])
    shown = sorted(worst[:most])
    values = [rows[place]["sqnr"] for place in shown]
    low, high = min([0.0, *values]), max([1.0, *values])
    parts = []
    for line, place in enumerate(shown):
        top = 20 * line + 4
        name, ratio = rows[place]["name"], rows[place]["sqnr"]
        length = 190 * (ratio - low) / (high - low)
        kind = "worst" if place in worst[:5] else "s0"
        parts.append(_text(190, top + 11, name if len(name) < 30 else f"…{name[-28:]}", "end"))
        parts.append(f'<rect class="{kind} fill" x="196" y="{top}" width="{max(1, length):.1f}" height="14" rx="2"/>')
        parts.append(_text(200 + length, top + 11, f"{ratio:.1f}", "start"))
    return _svg("Error of each layer", 20 * len(shown) + 8, parts)


def legend(titles: Sequence[str]) -> str:
    """Return the colours of the models in words, as HTML."""
    marks = (f'<span><i class="s{place % _COLOURS}"></i>{escape(title)}</span>' for place, title in enumerate(titles))
    return f'<p class="legend">{"".join(marks)}</p>'


def _steps(histogram: Histogram) -> list[tuple[float, float]]:
    """Return the outline of a histogram: points (milliseconds, count)."""
    start, step, counts = histogram["start"], histogram["step"], histogram["counts"]
    points = [(start, 0.0)]
    for place, count in enumerate(counts):
        points += [(start + place * step, float(count)), (start + (place + 1) * step, float(count))]
    return [*points, (start + len(counts) * step, 0.0)]


def _ticks(low: float, high: float, percent: bool) -> list[tuple[float, str]]:
    """Return round values within a range and how they are written."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    values = [step * n for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return [(value, f"{100 * value:.4g} %" if percent else f"{value:.4g}") for value in values]


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _path(points: Sequence[tuple[float, float]], place: int, fill: bool = False) -> str:
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="s{place % _COLOURS}{" area" if fill else " curve"}" points="{text}"/>'


def _dot(at: tuple[float, float], radius: float, place: int, title: str) -> str:
    return (
        f'<circle class="s{place % _COLOURS} fill" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:.1f}">'
        f"<title>{escape(title)}</title></circle>"
    )
