"""Running a pipeline into its sinks, and what was seen on the way."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from types import FrameType

from rich.table import Table

from ..device.outputs.base import Output
from ..device.pipeline import Pipeline
from ..device.types import FrameResult


class Summary:
    """What was seen in a run; holds no frame.

    Attributes:
        frames: Frames looked at.
        faces: Faces in them.
        dropped: Frames that a live source gave and that were not looked at.
        reopened: How often the source was opened again.
        labels: How often each stable label was given.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.faces = 0
        self.dropped = self.reopened = 0
        self.labels: Counter[str] = Counter()
        self._stages: Counter[str] = Counter()

    def add(self, result: FrameResult) -> None:
        """Take in one frame."""
        self.frames += 1
        self.faces += len(result.faces)
        self.dropped, self.reopened = result.dropped, result.reopened
        self.labels.update(face.label for face in result.faces)
        self._stages.update(result.stages)

    @property
    def stages(self) -> dict[str, float]:
        """Mean milliseconds a frame, by stage."""
        return {name: total / max(self.frames, 1) for name, total in self._stages.items()}

    def table(self) -> Table:
        """Return what was seen, for people."""
        table = Table("label", "faces", "stage", "ms a frame")
        labels = [(name, str(count)) for name, count in self.labels.most_common()]
        stages = [(name, f"{ms:.2f}") for name, ms in self.stages.items()]
        stages.append(("all", f"{sum(self.stages.values()):.2f}"))
        for row in range(max(len(labels), len(stages))):
            table.add_row(*(labels[row : row + 1] or [("", "")])[0], *(stages[row : row + 1] or [("", "")])[0])
        return table

    def __str__(self) -> str:
        stages = ", ".join(f"{name} {ms:.2f}" for name, ms in self.stages.items())
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        reopened = f", reopened: {self.reopened}" if self.reopened else ""
        return f"{self.frames} frames{dropped}{reopened}, {self.faces} faces; ms a frame: {stages or '-'}"


def play(
    pipeline: Pipeline,
    sinks: Sequence[Output],
    summary: Summary,
    frames: int | None = None,
    on_frame: Callable[[FrameResult], None] = lambda result: None,
) -> None:
    """Run until the source ends, enough frames came, or nobody reads any more.

    Args:
        pipeline: What to run.
        sinks: Where each result goes.
        summary: Takes in each result, also of a run that ends with an error.
        frames: Stop after so many.
        on_frame: Called with each result.
    """
    for result in islice(pipeline, frames):
        with _undivided():
            for sink in sinks:
                sink.write(result)
            summary.add(result)
        on_frame(result)
        if any(sink.done for sink in sinks):
            break


@contextmanager
def _undivided() -> Iterator[None]:
    """Put Ctrl-C and SIGTERM off to the end of what runs inside, so that every output holds the same frames.

    Only the first: a second one interrupts an output that hangs.
    """
    came: list[int] = []

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def put_off(number: int, frame: FrameType | None) -> None:
        came.append(number)
        restore()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, put_off)
        yield
    finally:
        restore()
    if came:
        signal.raise_signal(came[0])


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end what runs inside as Ctrl-C does, by KeyboardInterrupt, so that outputs are closed."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
