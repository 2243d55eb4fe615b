"""Ctrl-C and SIGTERM while there is nothing to finish yet."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def at_once() -> Iterator[None]:
    """End the process at once on Ctrl-C (exit code 130) or SIGTERM (143); enter around imports.

    Python's own way, an exception, is lost in an import that runs in a callback, and a native module
    that one interrupts looks like a missing one.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    heeded = [number for number, handler in before.items() if handler is not signal.SIG_IGN]  # as under nohup
    try:
        for number in heeded:
            signal.signal(number, _leave)
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"stopped\n")
    os._exit(128 + number)
