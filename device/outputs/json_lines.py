"""Results, and events, as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from ..event_types import Event
from ..types import FrameResult
from .lines import LineOutput
from .rotation import Rotation


class JsonLines(LineOutput):
    """One line of JSON for each frame, as `FrameResult.to_json` has it.

    Lines are appended to a file. Each survives a kill at once and a power cut a second later; a line that
    a former run left unfinished is cut off. Once the file was removed or renamed, a new one is begun under
    its name. Two programs can't write one file.
    When a pipe's reader leaves (`ferlite run | head`), `done` is set and nothing more is written.

    Args:
        target: A path, "-" for standard output, or an open text stream, which is not closed.
        every_line: Each line survives a power cut as soon as it is written. That wears a memory card, and
            holds up the pipeline for as long as the disk takes.
        rotation: Limits the file; a stream, pipe or device is not limited.

    Raises:
        OutputError: The file can't be opened, holds something else, or is being written by another program.
        UsageError: The file is larger than `rotation` allows.
    """

    reads = frozenset({"results"})

    def __init__(
        self, target: str | Path | TextIO = "-", *, every_line: bool = False, rotation: Rotation | None = None
    ) -> None:
        super().__init__(target, begin="{", every_line=every_line, rotation=rotation)

    def write(self, result: FrameResult) -> None:
        """Write a line.

        Raises:
            OutputError: The disk is full or gone, or this was closed.
        """
        self._put(result.to_json())

    def _put(self, values: dict[str, Any]) -> None:
        # ASCII: a file name that is no valid UTF-8 can be written too.
        self.put(json.dumps(values, separators=(",", ":")))


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
        self._put(event.to_json())
