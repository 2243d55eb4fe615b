"""A new result against an old one: what got worse by more than allowed and by more than chance explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..data.results.accuracy import AccuracyResult, ModelScores
from ..data.results.files import ACCURACY_SCHEMA, LATENCY_SCHEMA
from ..data.results.latency import LatencyResult, ModelTimes
from ..errors import DataError, FerliteError, UsageError
from . import accuracy, statistics

_FACES = ("data.name", "data.sha256", "data.split", "data.labels", "data.faces")
_SAME = {
    LATENCY_SCHEMA: ("machine.model", "machine.architecture", "machine.cores", "runtime", "threads"),
    ACCURACY_SCHEMA: (*_FACES, "runtime"),
}
SCHEMAS = tuple(_SAME)
"""Schemas of the results that can be compared."""

Result = AccuracyResult | LatencyResult
_Model = TypeVar("_Model", ModelScores, ModelTimes)


@dataclass(frozen=True)
class Verdict:
    """One model then and now.

    Attributes:
        text: What changed, in words.
        worse: Whether it is a regression.
    """

    text: str
    worse: bool


def compare(old: Result, new: Result, fail_over: float, *, force: bool = False) -> list[Verdict]:
    """Compare a new result with an old one of the same kind.

    A model is worse if its median latency rose by more than `fail_over` and the 95 % intervals don't overlap; or if
    its accuracy fell by more than `fail_over` (a share of all faces: 0.01 is one percentage point) and the 95 %
    interval of the difference lies below zero. That interval is paired where both results are of the same faces,
    else Newcombe's for independent samples.

    Args:
        old: The reference.
        new: What is checked.
        fail_over: Share that is tolerated, 0.03 for 3 %.
        force: Compare also what was measured on another machine, runtime or data.

    Returns:
        A verdict for each model of `old`.

    Raises:
        UsageError: The two can't be compared; the message says what differs.
        DataError: A result lacks a field.
    """
    if old["schema"] != new["schema"]:
        raise UsageError(f"a result of {old['schema']} can't be compared with one of {new['schema']}")
    try:
        differences = [
            f"{name} was {_at(old, name)}, is {_at(new, name)}"
            for name in _SAME[old["schema"]]
            if _at(old, name) != _at(new, name)
        ]
        if differences and not force:
            raise UsageError(
                "the two results are not of the same kind: " + "; ".join(differences) + "; --force compares them anyway"
            )
        if old["schema"] == LATENCY_SCHEMA and new["schema"] == LATENCY_SCHEMA:
            return [_latency(row, _partner(row, new["models"]), fail_over) for row in old["models"]]
        if old["schema"] == ACCURACY_SCHEMA and new["schema"] == ACCURACY_SCHEMA:
            paired = all(_at(old, name) == _at(new, name) for name in _FACES)
            return [_accuracy(row, _partner(row, new["models"]), fail_over, paired) for row in old["models"]]
        raise DataError(f"results of {old['schema']} can't be compared")
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, FerliteError):
            raise
        raise DataError(f"a result is incomplete or damaged ({error!r}); measure again") from error


def _at(result: Result, name: str) -> Any:
    value: Any = result
    for part in name.split("."):
        value = value[part]
    return value


def _partner(row: _Model, models: Sequence[_Model]) -> _Model:
    for other in models:
        if _key(other) == _key(row):
            return other
    raise UsageError(f"the new result lacks {_title(row)}; measure the same models")


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["name"], row["scheme"], row.get("threads")


def _title(row: Mapping[str, Any]) -> str:
    threads = row.get("threads")
    return f"{row['name']} {row['scheme']}" + (f", {threads} thread{'s' * (threads > 1)}" if threads else "")


def _latency(old: ModelTimes, new: ModelTimes, fail_over: float) -> Verdict:
    ratio = new["p50"] / old["p50"]
    apart = new["p50_interval"][0] > old["p50_interval"][1]
    text = f"{_title(old)}: {old['p50']:.3f} -> {new['p50']:.3f} ms, {ratio - 1:+.1%}"
    if ratio > 1 + fail_over and not apart:
        text += ", within the intervals"
    return Verdict(text, ratio > 1 + fail_over and apart)


def _accuracy(old: ModelScores, new: ModelScores, fail_over: float, paired: bool) -> Verdict:
    if paired:
        before, after = (accuracy.unpacked(row["right"], row["count"]) for row in (old, new))
        difference, (low, high) = statistics.paired_difference(before, after)
    else:
        difference = new["accuracy"] - old["accuracy"]
        low, high = statistics.newcombe(old["accuracy"], old["count"], new["accuracy"], new["count"])
    text = (
        f"{_title(old)}: {old['accuracy']:.2%} -> {new['accuracy']:.2%}, {100 * difference:+.2f} points "
        f"[{100 * low:+.2f}, {100 * high:+.2f}]{', paired' if paired else ''}"
    )
    return Verdict(text, difference < -fail_over and high < 0)
