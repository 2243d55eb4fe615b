"""Ctrl-C and SIGTERM end a run with its outputs whole, and in time."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

_PATIENCE = 0.9
"""Seconds that a hanging output gets, and then once more the closing of what is open."""


class Stopping:
    """Within the block Ctrl-C and SIGTERM raise KeyboardInterrupt, so that what is open is closed.

    Where something hangs, the process ends within 2 seconds all the same: a hanging write is broken off
    first, and a hanging end leaves with exit code 130. A second signal does not wait for a write.

    SIGHUP is taken and changes nothing: files are found by their names with each line. Only a run that a
    terminal shows ends with its terminal.
    """

    def __init__(self) -> None:
        self._asked = self._writing = self._late = False
        self._at_terminal = _at_terminal()

    def __enter__(self) -> Self:
        handlers = {
            signal.SIGINT: self._ask,
            signal.SIGTERM: self._ask,
            signal.SIGALRM: self._hurry,
            signal.SIGHUP: self._hang_up,
        }
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in its background
            del handlers[signal.SIGINT]
        self._before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """Let a first signal wait for the end of the block, unless that hangs."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False
        if self._asked:
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        again, self._asked = self._asked, True
        if not again:
            signal.setitimer(signal.ITIMER_REAL, _PATIENCE, _PATIENCE)
        if again or not self._writing:
            raise KeyboardInterrupt

    def _hurry(self, number: int, frame: FrameType | None) -> None:
        if self._late:
            # What was written is with the system. A normal end would wait for what hangs.
            os._exit(130)
        self._late = True
        if self._writing:
            raise KeyboardInterrupt

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        if self._at_terminal and not _at_terminal():
            self._ask(number, frame)


def _at_terminal() -> bool:
    return sys.stdout.isatty()
