"""What a run sees, live on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..device.outputs.base import Output
from ..device.sources.base import Source
from ..device.types import UNREADABLE, FrameResult, TrackedFace
from .console import counted, printable

_MOST_FACES = 10
_SILENCE = 1.0  # seconds without a frame after which the display says so


class LiveView(Output):
    """Shows the faces of the newest result and the state of the source, drawn four times a second.

    A thread draws; `write` only keeps the result, so that a slow terminal does not hold up the pipeline.

    Args:
        screen: The terminal.
        source: What the results come from.
        clock: Returns seconds.
    """

    def __init__(self, screen: Console, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._result: FrameResult | None = None
        self._frames = 0
        self._written = self._counted_at = clock()
        self._counted = 0
        self._rate: float | None = None
        self._live = Live(get_renderable=self.render, console=screen, refresh_per_second=4)
        self._live.start()

    def write(self, result: FrameResult) -> None:
        """Keep a result to be shown."""
        self._result, self._written = result, self._clock()
        self._frames += 1

    def close(self) -> None:
        """Draw once more, and leave it on the screen."""
        self._live.stop()

    def render(self) -> RenderableType:
        """Return the state of the source and the faces of the newest result."""
        result, now = self._result, self._clock()
        if now - self._counted_at >= 1:
            self._rate = (self._frames - self._counted) / (now - self._counted_at)
            self._counted, self._counted_at = self._frames, now
        parts = [printable(self._source.spec), counted(self._frames, "frame")]
        if self._rate is not None:
            parts.append(f"{self._rate:.1f} a second")
        if result and self._source.live:
            parts.append(f"{result.dropped:,} dropped")
        if result and result.damaged:
            parts.append(f"{result.damaged:,} damaged")
        if result and result.reopened:
            parts.append(f"reopened: {result.reopened}")
        state = Text("  ".join(parts))
        silence = now - self._written
        if self._source.live and silence >= _SILENCE:
            state.append(f"  no frame for {silence:.0f} s", style="yellow")
        return Group(state, _faces(result.faces)) if result and result.faces else state


def _faces(faces: tuple[TrackedFace, ...]) -> Table:
    table = Table("id", "label", "confidence")
    for column in (0, 2):
        table.columns[column].justify = "right"
    for face in faces[:_MOST_FACES]:
        if face.label == UNREADABLE:
            table.add_row(str(face.track_id), f"{face.label}: {face.unreadable}", "")
        else:
            table.add_row(str(face.track_id), face.label, f"{face.confidence:.0%}")
    if len(faces) > _MOST_FACES:
        table.add_row("", f"and {len(faces) - _MOST_FACES} more", "")
    return table
