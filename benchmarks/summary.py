"""What was measured, in plain words with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.results.accuracy import AccuracyResult
from ..data.results.environment import ModelFacts
from ..data.results.latency import LatencyResult


def summarise(accuracy: AccuracyResult | None, latency: LatencyResult | None) -> str:
    """Say in a few sentences what the smaller of the first two models costs and buys.

    Args:
        accuracy: A result of `accuracy.measure`, or None.
        latency: A result of `latency.measure`, or None.
    """
    parts = []
    if latency and latency["pairs"]:
        parts += [_speed(latency), place(latency)]
    if accuracy and accuracy["pairs"]:
        parts.append(_cost(accuracy))
    return " ".join(parts) or "One model was measured; give two or more to have them compared."


def place(latency: LatencyResult) -> str:
    """Say where a speed was measured, and that it is no other machine's."""
    machine = latency["machine"]
    where = f"Measured on {machine['model']} ({machine['architecture']}"
    if machine["architecture"] in ("aarch64", "armv7l"):
        return f"{where})."
    return f"{where}): how fast a Raspberry Pi is must be measured on it."


def _speed(latency: LatencyResult) -> str:
    first, second = latency["models"][:2]
    pair = latency["pairs"][0]
    ratio, ends = 1 / pair["median_ratio"], sorted(1 / end for end in pair["ratio_interval"])
    if second["bytes"] > first["bytes"]:
        first, second = second, first
        ratio, ends = 1 / ratio, sorted(1 / end for end in ends)
    size = f"{first['bytes'] / second['bytes']:.1f}x smaller"
    larger, smaller = (distinguished(model, (first, second)) for model in (first, second))
    if ends[0] <= 1 <= ends[1]:
        return f"{smaller} is no faster or slower here than {larger}, and {size}."
    if ratio < 1:
        ratio, ends = 1 / ratio, sorted(1 / end for end in ends)
        return (
            f"{smaller} is {ratio:.2f}x slower here than {larger} "
            f"(95 % interval {ends[0]:.2f} to {ends[1]:.2f}), though {size}."
        )
    return (
        f"{smaller} is {ratio:.2f}x faster here than {larger} "
        f"(95 % interval {ends[0]:.2f} to {ends[1]:.2f}) and {size}."
    )


def _cost(accuracy: AccuracyResult) -> str:
    first, second = accuracy["models"][:2]
    pair = accuracy["pairs"][0]
    difference, ends = pair["difference"], pair["difference_interval"]
    if second["bytes"] > first["bytes"]:
        first, second = second, first
        difference, ends = -difference, [-end for end in reversed(ends)]
    low, high = (100 * end for end in ends)
    verdict = "within chance" if low <= 0 <= high else "better" if low > 0 else "worse"
    return (
        f"Accuracy {100 * first['accuracy']:.1f} -> {100 * second['accuracy']:.1f} %, difference "
        f"{100 * difference:+.1f} points [{low:+.1f}, {high:+.1f}]: {verdict}; the two give the same answer on "
        f"{pair['agreement']:.1%} of {second['count']} faces."
    )


def distinguished(model: ModelFacts, models: Sequence[ModelFacts]) -> str:
    """Return what tells a model from the others: its scheme, or where they share it, its name."""
    schemes = [one["scheme"] for one in models]
    return model["scheme"] if schemes.count(model["scheme"]) == 1 else model["name"]
