"""Outputs that write a line at a time, to a file, a pipe or a stream."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import TextIO

from ...errors import OutputError
from ...models.growing import Lines
from .base import Output, closed, explained
from .rotation import Rotation

_DESCRIPTORS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")
"""Names of what is open already: a new file under its name would not be written."""


class LineOutput(Output):
    """Writes lines, each of them whole; see `Lines`.

    Args:
        target: A path, "-" for standard output, or an open text stream, which is not closed.
        begin: See `Lines`, as with the others.
        head: Not for a stream.
        every_line: Bring each line to the disk at once.
        rotation: Limits the file; a stream, pipe or device has no limit.

    Raises:
        OutputError: The file can't be opened, holds something else, or is being written by another program.
        UsageError: The file is larger than `rotation` allows.
    """

    backlog = 1000

    def __init__(
        self,
        target: str | Path | TextIO,
        *,
        begin: str = "",
        head: str = "",
        every_line: bool = False,
        rotation: Rotation | None = None,
    ) -> None:
        self._stream: TextIO | None = None
        self._lines: Lines | None = None
        self._rotated: tuple[Rotation, Path] | None = None
        self._closed = False
        self.name = str(target) if isinstance(target, (str, Path)) else "the stream"
        standard = target == "-"
        if standard:
            self.name = "standard output"
        with explained(self.name):
            file = _standard_output() if standard else target
            if rotation is not None and isinstance(file, (str, Path)) and not str(file).startswith(_DESCRIPTORS):
                self._rotated = rotation, Path(file)
                rotation.share(Path(file))
            if isinstance(file, (str, Path, int)):
                self._lines = Lines(file, begin=begin, head=head, every_line=every_line)
            else:
                self._stream = file

    def put(self, line: str) -> None:
        """Write a line, given without its end.

        Raises:
            OutputError: The disk is full or gone, or this was closed.
        """
        if self._closed:
            raise closed(self.name)
        if self.done:
            return
        try:
            with explained(self.name):
                if self._rotated is not None:
                    rotation, path = self._rotated
                    rotation.turn(path)
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
