"""Ctrl-C and SIGTERM end a run with its outputs whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..device.outputs.base import Output
from ..device.types import FrameResult


@contextmanager
def terminable() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, as Ctrl-C does, so that outputs are closed."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Undivided(Output):
    """Several outputs that hold the same frames, also when Ctrl-C or SIGTERM arrives between two of them.

    The signal waits until each output has its frame. A second one does not wait: it interrupts an
    output that hangs.

    Args:
        outputs: Where each result goes, in this order; `close` leaves them open.
    """

    def __init__(self, *outputs: Output) -> None:
        self._outputs = outputs

    def write(self, result: FrameResult) -> None:
        """Write a result to every output.

        Raises:
            OutputError: One of them can't be written.
        """
        with _postponed():
            for output in self._outputs:
                output.write(result)
            self.done = any(output.done for output in self._outputs)


@contextmanager
def _postponed() -> Iterator[None]:
    """Postpone the first Ctrl-C or SIGTERM to the end of the block."""
    arrived: list[int] = []

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def postpone(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        restore()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in before:
            signal.signal(number, postpone)
        yield
    finally:
        restore()
    if arrived:
        signal.raise_signal(arrived[0])
