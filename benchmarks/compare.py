"""A new result against an old one: what got worse by more than allowed and by more than chance explains."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, FerliteError, UsageError
from ..models.files import read_bytes
from . import accuracy, latency, statistics

_FACES = ("data.name", "data.sha256", "data.split", "data.labels", "data.faces")
_SAME = {
    latency.SCHEMA: ("machine.model", "machine.architecture", "machine.cores", "runtime", "threads"),
    accuracy.SCHEMA: (*_FACES, "runtime"),
}


@dataclass(frozen=True)
class Verdict:
    """One model then and now.

    Attributes:
        text: What changed, in words.
        worse: Whether it is a regression.
    """

    text: str
    worse: bool


def read(path: str | Path) -> dict[str, Any]:
    """Read a result of `ferlite bench accuracy` or `ferlite bench latency`.

    Raises:
        MissingFileError: There is no such file.
        DataError: It is no such result.
    """
    try:
        result = json.loads(read_bytes(path))
        schema = result["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no result of 'ferlite bench' ({error!r}); measure again with --json") from error
    if schema not in _SAME:
        raise DataError(f"{path} has the schema {schema!r}; compared can be {' and '.join(_SAME)}: measure again")
    return result


def compare(old: dict[str, Any], new: dict[str, Any], fail_over: float, *, force: bool = False) -> list[Verdict]:
    """Hold a new result against an old one of the same kind.

    Worse is a model whose median latency rose by more than `fail_over` and whose 95 % intervals don't
    overlap; or whose accuracy fell by more than `fail_over` (a share of all faces: 0.01 is one
    percentage point) while the 95 % interval of the difference lies below zero. That interval is paired
    where both results hold the answers to the same faces, else Newcombe's for independent samples.

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
        judge = _latency if old["schema"] == latency.SCHEMA else _accuracy
        same_faces = "data" in old and all(_at(old, name) == _at(new, name) for name in _FACES)
        return [judge(row, _partner(row, new), fail_over, same_faces) for row in old["models"]]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, FerliteError):
            raise
        raise DataError(f"a result is incomplete or damaged ({error!r}); measure again") from error


def _at(result: dict[str, Any], name: str) -> Any:
    if name == "data.labels":  # older results were of all labels, and did not say so
        return result["data"].get("labels", [])
    value: Any = result
    for part in name.split("."):
        value = value[part]
    return value


def _partner(row: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    key = _key(row)
    for other in new["models"]:
        if _key(other) == key:
            return other
    raise UsageError(f"the new result lacks {_title(row)}; measure the same models")


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["name"], row["scheme"], row.get("threads")


def _title(row: dict[str, Any]) -> str:
    threads = row.get("threads")
    return f"{row['name']} {row['scheme']}" + (f", {threads} thread{'s' * (threads > 1)}" if threads else "")


def _latency(old: dict[str, Any], new: dict[str, Any], fail_over: float, same_faces: bool) -> Verdict:
    ratio = new["p50"] / old["p50"]
    apart = new["p50_interval"][0] > old["p50_interval"][1]
    text = f"{_title(old)}: {old['p50']:.3f} -> {new['p50']:.3f} ms, {ratio - 1:+.1%}"
    if ratio > 1 + fail_over and not apart:
        text += ", within the intervals"
    return Verdict(text, ratio > 1 + fail_over and apart)


def _accuracy(old: dict[str, Any], new: dict[str, Any], fail_over: float, same_faces: bool) -> Verdict:
    paired = same_faces and "right" in old and "right" in new
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
