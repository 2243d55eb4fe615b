"""What a run saw, in numbers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from rich.table import Table

from ..device.outputs.base import Output
from ..device.types import FrameResult
from .console import counted


class Summary(Output):
    """Counts what is in the results of a run; keeps no frame.

    Args:
        clock: Returns seconds.

    Attributes:
        frames: Results so far.
        faces: Faces in them.
        people: Faces that were followed as one; who comes back after a while counts again.
        labels: Faces by label.
        dropped: Frames that a live source gave and that were not looked at.
        damaged: Frames that didn't decode.
        reopened: How often the source was opened again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.frames = self.faces = self.people = self.dropped = self.damaged = self.reopened = 0
        self.labels: Counter[str] = Counter()
        self._stages: Counter[str] = Counter()
        self._highest_id = 0
        self._clock = clock
        self._first = self._last = 0.0

    def write(self, result: FrameResult) -> None:
        """Count a result."""
        self._last = self._clock()
        self._first = self._first if self.frames else self._last
        self.frames += 1
        self.faces += len(result.faces)
        # Ids only grow, so that a run of months needs to remember one of them.
        ids = [face.track_id for face in result.faces]
        self.people += sum(number > self._highest_id for number in ids)
        self._highest_id = max(self._highest_id, *ids, 0)
        self.dropped, self.damaged, self.reopened = result.dropped, result.damaged, result.reopened
        self.labels.update(face.label for face in result.faces)
        self._stages.update(result.stages)

    @property
    def stages(self) -> dict[str, float]:
        """Mean milliseconds a frame, by stage."""
        return {name: total / max(self.frames, 1) for name, total in self._stages.items()}

    @property
    def rate(self) -> float | None:
        """Frames a second from the first to the last; None of a single one."""
        elapsed = self._last - self._first
        return (self.frames - 1) / elapsed if elapsed > 0 else None

    @property
    def counts(self) -> str:
        """The counts without labels and times, in a line."""
        parts = [counted(self.frames, "frame")]
        if self.rate is not None:
            parts.append(f"{self.rate:.1f} a second")
        if self.dropped:
            parts.append(f"{self.dropped:,} dropped")
        if self.damaged:
            parts.append(f"{self.damaged:,} damaged")
        if self.reopened:
            parts.append(f"reopened: {self.reopened}")
        faces = counted(self.faces, "face")
        # Of pictures every face is a person of its own.
        if self.people < self.faces:
            faces += f" of {counted(self.people, 'person', 'people')}"
        return ", ".join([*parts, faces])

    def table(self) -> Table:
        """Return faces by label and time by stage, for a terminal."""
        table = Table("label", "faces", "share", "stage", "ms a frame")
        for number in (1, 2, 4):
            table.columns[number].justify = "right"
        labels = [(name, f"{count:,}", f"{count / self.faces:.0%}") for name, count in self.labels.most_common()]
        stages = [(name, f"{ms:.2f}") for name, ms in self.stages.items()]
        stages.append(("all", f"{sum(self.stages.values()):.2f}"))
        for row in range(max(len(labels), len(stages))):
            table.add_row(*(labels[row : row + 1] or [("",) * 3])[0], *(stages[row : row + 1] or [("",) * 2])[0])
        return table

    def __str__(self) -> str:
        labels = ", ".join(f"{name} {count:,}" for name, count in self.labels.most_common())
        stages = ", ".join(f"{name} {ms:.2f}" for name, ms in self.stages.items())
        return f"{self.counts}{f' ({labels})' if labels else ''}; ms a frame: {stages or '-'}"
