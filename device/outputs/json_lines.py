"""Results, and events, as JSON lines."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import Any, TextIO

from ...errors import OutputError
from ...models.growing import Lines
from ..event_types import Event
from ..types import FrameResult
from .base import Output, closed, explained


class JsonLines(Output):
    """One line of JSON for each frame, as `FrameResult.to_json` has it.

    Lines are appended to a file. Each survives a kill at once and a power cut a second later; a line that
    a former run left unfinished is cut off. Once the file was removed or renamed, a new one is begun under
    its name. Two programs can't write one file.
    When a pipe's reader leaves (`ferlite run | head`), `done` is set and nothing more is written.

    Args:
        target: A path, "-" for standard output, or an open text stream, which is not closed.
        every_line: Each line survives a power cut as soon as it is written. That wears a memory card, and
            holds up the pipeline for as long as the disk takes.

    Raises:
        OutputError: The file can't be opened, holds something else, or is being written by another program.
    """

    backlog = 1000
    reads = frozenset({"results"})

    def __init__(self, target: str | Path | TextIO = "-", *, every_line: bool = False) -> None:
        self._stream: TextIO | None = None
        self._lines: Lines | None = None
        self._closed = False
        self.name = str(target) if isinstance(target, (str, Path)) else "the stream"
        standard = self.name == "-"
        if standard:
            self.name = "standard output"
        with explained(self.name):
            file = _standard_output() if standard else target
            if isinstance(file, (str, Path, int)):
                self._lines = Lines(file, begin="{", every_line=every_line)
            else:
                self._stream = file

    def write(self, result: FrameResult) -> None:
        """Write a line.

        Raises:
            OutputError: The disk is full or gone, or this was closed.
        """
        self._write(result.to_json())

    def _write(self, values: dict[str, Any]) -> None:
        if self._closed:
            raise closed(self.name)
        if self.done:
            return
        # ASCII: a file name that is no valid UTF-8 can be written too.
        line = json.dumps(values, separators=(",", ":"))
        try:
            with explained(self.name):
                if self._lines is not None:
                    self._lines.write(line)
                elif self._stream is not None:
                    self._stream.write(line + "\n")
                    self._stream.flush()
        except BrokenPipeError:
            self.done = True
            _forget(self._stream)

    def close(self) -> None:
        """Close the file; a stream stays open."""
        self._closed = True
        if self._lines is not None:
            with explained(self.name):
                self._lines.close()


class EventLines(JsonLines):
    """One line of JSON for each event, as its `to_json` has it; files and errors as in `JsonLines`."""

    reads = frozenset({"events"})

    def write(self, result: FrameResult) -> None:
        """Leave a result: its events come by themselves."""

    def event(self, event: Event) -> None:
        """Write a line.

        Raises:
            OutputError: The disk is full or gone, or this was closed.
        """
        self._write(event.to_json())


def _standard_output() -> int | TextIO:
    """Return its descriptor, which keeps nothing back, or the stream that stands in for it."""
    if sys.stdout is None:
        raise OutputError("standard output is closed; name a file, or open it")
    try:
        sys.stdout.flush()
        return sys.stdout.fileno()
    except UnsupportedOperation:
        return sys.stdout


def _forget(stream: TextIO | None) -> None:
    """Point a broken pipe at nothing, or the interpreter would complain of it once more at its end."""
    with suppress(OSError, AttributeError, ValueError):
        if stream is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
