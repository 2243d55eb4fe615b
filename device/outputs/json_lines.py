"""Results as JSON lines."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import TextIO

from ..types import FrameResult
from .base import Output, append, closed, explained


class JsonLines(Output):
    """One line of JSON for each frame, as `FrameResult.to_json` has it.

    Lines are appended to a file and handed to the system one by one, so that a killed run leaves
    every line that it wrote; where a former run was cut off in mid-line, a new line is begun first.
    When a pipe's reader leaves (`ferlite run | head`), `done` is set and nothing more is written.

    Args:
        target: A path, "-" for standard output, or an open text stream, which is not closed.

    Raises:
        OutputError: The file can't be opened.
    """

    def __init__(self, target: str | Path | TextIO = "-") -> None:
        self._stream: TextIO | None = None
        self._file: FileIO | None = None
        self._closed = False
        if not isinstance(target, (str, Path)):
            self._stream, self._name = target, "the stream"
        elif str(target) == "-":
            self._stream, self._name = sys.stdout, "standard output"
        else:
            self._name = str(target)
            with explained(self._name):
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                # Unbuffered: a line that was written is out of this process.
                self._file = FileIO(self._name, "a")
                if _ends_in_mid_line(Path(target)):
                    append(self._file, b"\n")

    def write(self, result: FrameResult) -> None:
        """Write a line.

        Raises:
            OutputError: The disk is full or gone, or this was closed.
        """
        if self._closed:
            raise closed(self._name)
        if self.done:
            return
        # ASCII: a file name that is no valid UTF-8 can be written too.
        line = json.dumps(result.to_json(), separators=(",", ":")) + "\n"
        try:
            with explained(self._name):
                if self._file is not None:
                    append(self._file, line.encode())
                elif self._stream is not None:
                    self._stream.write(line)
                    self._stream.flush()
        except BrokenPipeError:
            self.done = True
            _forget(self._stream)

    def close(self) -> None:
        """Close the file; a stream stays open."""
        self._closed = True
        if self._file is not None:
            self._file.close()


def _ends_in_mid_line(path: Path) -> bool:
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _forget(stream: TextIO | None) -> None:
    """Point a broken pipe at nothing, or the interpreter would complain of it once more at its end."""
    with suppress(OSError, AttributeError, ValueError):
        if stream is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
