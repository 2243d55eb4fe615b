"""What a run sees, live on a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..device.outputs.base import Output
from ..device.pipeline import Pipeline
from ..device.state import State
from ..device.types import UNREADABLE, FrameResult, TrackedFace
from .console import counted, printable

_MOST_FACES = 10


class LiveView(Output):
    """Shows the faces of the newest result and the state of the pipeline, drawn four times a second.

    A thread draws; `write` only keeps the result, so that a slow terminal does not hold up the pipeline.

    Args:
        screen: The terminal.
        pipeline: Where the results come from.
    """

    def __init__(self, screen: Console, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._result: FrameResult | None = None
        self._live = Live(get_renderable=self.render, console=screen, refresh_per_second=4)
        self._live.start()

    def write(self, result: FrameResult) -> None:
        """Keep a result to be shown."""
        self._result = result

    def close(self) -> None:
        """Draw once more, and leave it on the screen."""
        self._live.stop()

    def render(self) -> RenderableType:
        """Return the state of the pipeline and the faces of the newest result."""
        source, state = self._pipeline.source, self._pipeline.state
        parts = [printable(source.spec), counted(state.frames, "frame")]
        if state.rate:
            parts.append(f"{state.rate:.1f} a second")
        if source.live and state.frames:
            parts.append(f"{state.dropped:,} dropped")
        if state.damaged:
            parts.append(f"{state.damaged:,} damaged")
        if state.reopened:
            parts.append(f"reopened: {state.reopened}")
        line = Text("  ".join(parts))
        if state.limit:
            line.append(f"  {printable(str(state.limit))}", style="yellow")
        if state.name not in ("running", "ended"):
            line.append(f"  {_trouble(state)}", style="yellow")
        for trouble in output_troubles(state):
            line.append(f"\n{trouble}", style="yellow")
        faces = self._result.faces if self._result else ()
        return Group(line, _faces(faces)) if faces else line


def output_troubles(state: State) -> list[str]:
    """Return a line for each output that dropped something or has a problem."""
    return [
        printable(f"{output.problem or output.name} ({output.dropped:,} dropped)")
        for output in state.outputs
        if output.dropped or output.problem
    ]


def _trouble(state: State) -> str:
    parts = [state.name + (f", attempt {state.attempt}" if state.attempt else "")]
    if state.next_try is not None:
        parts.append(f"next try in {state.next_try:.0f} s")
    return printable(": ".join([", ".join(parts), state.reason]) if state.reason else ", ".join(parts))


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
