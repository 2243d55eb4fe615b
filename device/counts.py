"""Sums of what happens, by minute, hour or day, without identities."""

from __future__ import annotations

import json
import logging
import math
import os
import time as clocks
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from ..errors import DataError, OutputError, UsageError, check_range
from ..models.files import make_folder, replacing, write_bytes
from .counts_file import Every, Row, content, moment, number, read, text
from .event_types import Event
from .outputs.base import Output, closed, explained
from .state import OutputState
from .types import FrameResult

_log = logging.getLogger(__name__)

_ROWS = 10_000  # spans in the file: a week of minutes, a year of hours
_SAVE = 60.0  # seconds
_BACK = 60.0  # seconds before a span that still count in it: frames and events differ, and clocks are set
_GAP = 5.0  # seconds; of a longer time between two frames nobody knows who was there


@dataclass
class _Span:
    """Sums of a span of time; `dwell` is that of all who left."""

    begin: str
    people: int = 0
    left: int = 0
    dwell: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)

    def row(self, smallest: int) -> Row:
        return _hidden(
            {
                "begin": self.begin,
                "people": self.people,
                "left": self.left,
                "mean_dwell": round(self.dwell / self.left, 1) if self.left else None,
                "seconds": {label: round(seconds, 1) for label, seconds in self.seconds.items()},
                "held": dict(self.held),
            },
            smallest,
        )


class Counts(Output):
    """Sums by minute, hour or day in a CSV or JSON file: how many people, for how long, with which labels.

        rules = EventRules(held={"happy": 1.0})
        with Pipeline.open(rules=rules) as pipeline, Counts("counts.csv", smallest_group=5) as counts:
            pipeline.run(counts)

    Of each span: `people` who appeared, how many `left` and their mean dwell in seconds, the seconds of each label
    over all faces, and how often each label was `held`. Nothing else is kept: no picture, no box, and the number of
    a face only while it is there. Who goes and comes back counts twice. Frames more than 5 seconds apart add nothing
    to the seconds of a label.

    The file is replaced as a whole once a minute, at the end of a span and by `close`, in a thread of its own; a
    power cut costs a minute at most. Where that fails, as on a full disk, `states` names the problem, no sum is lost,
    and it is tried again a minute later. The file holds the latest 10,000 spans, and the next run goes on with it.
    Beside it lies a hidden file for its owner alone, `.NAME.now`, with the sums of the running span as they are; the
    next span replaces it. Where the clock was set back by more than a minute, a span can come twice.

    Args:
        path: Ending in .csv or .json.
        every: "minute", "hour" or "day", in local time.
        smallest_group: The row of fewer people stays empty; so do the dwell of fewer who left, and a label that was
            held less often. 0 hides nothing.
        clock: Gives seconds, to know when to write.

    Raises:
        UsageError: Another suffix, a group that is no whole number of 0 or more, or a file that counts other spans.
        UnknownNameError: There is no such span.
        DataError: The file or the hidden one is damaged; both are left as they are.
        MissingFileError: One of them can't be read.
        OutputError: The folder can't be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        every: Every = "hour",
        smallest_group: int = 0,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        check_range("smallest_group", smallest_group, 0, unit="people", whole=True)
        self._every: Every = every
        self._path, self._smallest, self._clock, self.name = Path(path), smallest_group, clock, str(path)
        rows = [_hidden(row, smallest_group) for row in read(self._path, every)]
        self._beside = self._path.with_name(f".{self._path.name}.now")
        self._span = _read_span(self._beside, every)
        if self._span and rows and rows[-1]["begin"] == self._span.begin:
            rows.pop()
        self._rows = deque(rows, maxlen=_ROWS - 1)
        self._there: set[int] = set()
        self._time = math.nan  # of the last frame
        self._saved = -math.inf  # when it was tried last
        self._saver: Thread | None = None
        self._saving = Lock()
        self._problem = ""
        self._closed = self._complete = False
        with explained(self._path):
            make_folder(self._path.parent)
            if not os.access(self._path.parent, os.W_OK):
                raise PermissionError(None, "its folder can't be written")

    @property
    def rows(self) -> list[Row]:
        """The rows of the file as they are now, the running span last."""
        return [*self._rows, *([self._span.row(self._smallest)] if self._span else [])]

    @property
    def states(self) -> tuple[OutputState, ...]:
        """What keeps the file from being written; sums are never dropped."""
        return (OutputState(self.name, 0, self._problem),)

    def write(self, result: FrameResult) -> None:
        """Add the time since the frame before to the labels of the faces.

        Raises:
            OutputError: This was closed.
        """
        span = self._at(result.wall)
        elapsed = result.frame.time - self._time
        self._time = result.frame.time
        if 0 < elapsed <= _GAP:
            for face in result.faces:
                if face.track_id in self._there:
                    span.seconds[face.label] = span.seconds.get(face.label, 0.0) + elapsed
        if self._clock() - self._saved >= _SAVE and not (self._saver and self._saver.is_alive()):
            self._saved = self._clock()
            snapshot = (_Span(**asdict(span)), self.rows)
            self._saver = Thread(target=self._try_to_save, args=snapshot, name=f"output {self.name}", daemon=True)
            self._saver.start()

    def event(self, event: Event) -> None:
        """Count who appeared or left, and a label that was held.

        Raises:
            OutputError: As for `write`.
        """
        if event.kind == "state":
            return
        span = self._at(event.wall)
        if event.kind == "appeared":
            span.people += 1
            self._there.add(event.track_id)
        elif event.kind == "left":
            span.left += 1
            span.dwell += event.lasted
            self._there.discard(event.track_id)
        elif event.kind == "held":
            span.held[event.label] = span.held.get(event.label, 0) + 1

    def close(self) -> None:
        """Write the file for the last time; where that failed, another call tries again.

        Raises:
            OutputError: It can't be written.
        """
        self._closed = True
        # Waits for a thread that is writing; joining one fails where Ctrl-C came while it was started.
        with self._saving:
            if self._span is not None and not self._complete:
                self._save(self._span, self.rows)
                self._complete = True

    def _at(self, wall: float) -> _Span:
        """Return the span of a moment, which ends the one before."""
        if self._closed:
            raise closed(self._path)
        span, begin = self._span, _begin(wall, self._every)
        if span is None:
            span = self._span = _Span(begin)
        elif begin != span.begin and not 0 < moment(span.begin) - wall <= _BACK:
            self._rows.append(span.row(self._smallest))
            span = self._span = _Span(begin)
            self._saved = -math.inf
        return span

    def _try_to_save(self, span: _Span, rows: list[Row]) -> None:
        try:
            with self._saving:
                if not self._closed:
                    self._save(span, rows)
        except OutputError as error:
            if not self._problem:
                _log.warning("%s; the run goes on", error)
            self._problem = str(error)
        else:
            if self._problem:
                _log.warning("%s is written again", self.name)
            self._problem = ""

    def _save(self, span: _Span, rows: list[Row]) -> None:
        # The running span first: what a power cut leaves may lack its last minute, but never counts it twice.
        with replacing(self._beside) as temporary:
            temporary.touch(0o600)
            temporary.write_text(json.dumps({"every": self._every, **asdict(span)}) + "\n")
        write_bytes(self._path, text(self._path, self._every, rows).encode())


def _hidden(row: Row, smallest: int) -> Row:
    """Empty the cells of a row that are about too few."""
    if row["people"] is None or row["people"] < smallest:
        return {"begin": row["begin"], "people": None, "left": None, "mean_dwell": None, "seconds": {}, "held": {}}
    few_left = (row["left"] or 0) < smallest
    held = {label: None if count is None or count < smallest else count for label, count in row["held"].items()}
    return {
        **row,
        "left": None if few_left else row["left"],
        "mean_dwell": None if few_left else row["mean_dwell"],
        "held": held,
    }


def _begin(wall: float, every: Every) -> str:
    """Return when the span of a moment began, in local time with the offset at that time."""
    local = datetime.fromtimestamp(wall).astimezone()
    if every == "day":
        begin = datetime(local.year, local.month, local.day).astimezone()
    else:
        begin = local.replace(minute=local.minute if every == "minute" else 0, second=0, microsecond=0)
    return begin.isoformat(timespec="minutes")


def _read_span(path: Path, every: Every) -> _Span | None:
    """Read the sums of the span that was running; None if there are none."""
    data = content(path)
    if data is None:
        return None
    try:
        values: dict[str, Any] = json.loads(data)
        span = values.pop("every")
        if set(values) != {each.name for each in fields(_Span)}:
            raise ValueError(f"it has {', '.join(values)}")
        moment(values["begin"])
        for name in ("people", "left"):
            number(values[name])
        number(values["dwell"], whole=False)
        for count in values["held"].values():
            number(count)
        for count in values["seconds"].values():
            number(count, whole=False)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{path} is damaged ({str(error)[:100]}); remove it, which leaves out the sums of the last span"
        ) from error
    if span != every:
        raise UsageError(f"{path} counts by the {span}, not by the {every}; name another file")
    return _Span(**values)
