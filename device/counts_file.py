"""The file of `Counts`: a row for each time span, as CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

from ..errors import DataError, MissingFileError, UsageError, unknown
from ..models.files import read_bytes

SPANS = ("minute", "hour", "day")
SUFFIXES = (".csv", ".json")

Every = Literal["minute", "hour", "day"]

_SCHEMA = "ferlite-counts/1"
_NUMBERS = ("people", "left", "mean_dwell")
_BY_LABEL = ("seconds", "held")  # in the heading of a CSV column, before the label


class Row(TypedDict):
    """The sums of a span; see `Counts`. None, or a label that is left out, was hidden or is nothing."""

    begin: str
    people: int | None
    left: int | None
    mean_dwell: float | None
    seconds: dict[str, float]
    held: dict[str, int | None]


def read(path: Path, every: Every) -> list[Row]:
    """Read the rows of a file; none if it does not exist.

    Raises:
        UsageError: The suffix is another one, or the file counts another span.
        UnknownNameError: There is no such span.
        DataError: The file is damaged, or none that `text` made.
        MissingFileError: It can't be read.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: counts are written as {' or '.join(SUFFIXES)}; name such a file")
    if every not in SPANS:
        raise unknown("span of time", every, SPANS)
    data = content(path)
    if data is None:
        return []
    try:
        is_csv = path.suffix.lower() == ".csv"
        span, rows = _from_csv(data.decode()) if is_csv else _from_json(json.loads(data))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise DataError(
            f"{path} is damaged, or holds no counts of ferlite ({str(error)[:100]}); move it away, or name another file"
        ) from error
    if span != every:
        raise UsageError(f"{path} counts by the {span}, not by the {every}; name another file")
    return rows


def text(path: Path, every: Every, rows: Iterable[Row]) -> str:
    """Write rows in the form that the suffix of a file asks for."""
    if path.suffix.lower() == ".json":
        return json.dumps({"schema": _SCHEMA, "every": every, "spans": list(rows)}, indent=1, ensure_ascii=False) + "\n"
    rows = list(rows)
    columns = [(kind, label) for kind in _BY_LABEL for label in sorted({each for row in rows for each in row[kind]})]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([every, *_NUMBERS, *(f"{kind} {label}" for kind, label in columns)])
    for row in rows:
        # What did not happen is 0, unless the whole row is hidden.
        nothing = None if row["people"] is None else 0
        cells = (row[kind].get(label, nothing) for kind, label in columns)
        writer.writerow([row["begin"], row["people"], row["left"], row["mean_dwell"], *cells])
    return target.getvalue()


def content(path: Path) -> bytes | None:
    """Return what is in a file; None if it does not exist.

    Raises:
        MissingFileError: It can't be read.
    """
    try:
        return read_bytes(path)
    except MissingFileError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def number(value: Any, *, whole: bool = True) -> Any:
    """Return a number that was read; a ValueError if it is none, or negative."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise ValueError(f"{value!r} is no number")
    if not 0 <= value < math.inf:
        raise ValueError(f"{value!r} can't be counted")
    return value


def moment(begin: Any) -> float:
    """Return the seconds since the epoch of a span's beginning; a ValueError if it is none."""
    local = datetime.fromisoformat(begin)
    if local.tzinfo is None:
        raise ValueError(f"{begin} has no offset")
    return local.timestamp()


def _from_json(value: Any) -> tuple[str, list[Row]]:
    if value["schema"] != _SCHEMA:
        raise ValueError(f"its schema is {value['schema']!r}")
    return value["every"], [_row(row) for row in value["spans"]]


def _from_csv(table: str) -> tuple[str, list[Row]]:
    lines = csv.reader(table.splitlines(), strict=True)
    head = next(lines, [])
    span, columns = head[0], [heading.partition(" ") for heading in head[4:]]
    if span not in SPANS or tuple(head[1:4]) != _NUMBERS or any(kind not in _BY_LABEL for kind, _, _ in columns):
        raise ValueError(f"its first line is {','.join(head)!r}")
    rows = []
    for line in lines:
        begin, people, left, dwell = line[:4]
        by_label: dict[str, dict[str, Any]] = {kind: {} for kind in _BY_LABEL}
        for (kind, _, label), cell in zip(columns, line[4:], strict=True):
            if cell not in ("", "0"):
                by_label[kind][label] = json.loads(cell)
        numbers = {"people": people, "left": left, "mean_dwell": dwell}
        read = {name: json.loads(cell) if cell else None for name, cell in numbers.items()}
        rows.append(_row({"begin": begin, **read, **by_label}))
    return span, rows


def _row(value: Any) -> Row:
    moment(value["begin"])
    for name in _NUMBERS:
        if value[name] is not None:
            number(value[name], whole=name != "mean_dwell")
    for kind in _BY_LABEL:
        for count in value[kind].values():
            if count is not None:
                number(count, whole=kind == "held")
    names = Row.__annotations__
    return {name: value[name] for name in names}  # type: ignore[return-value]
