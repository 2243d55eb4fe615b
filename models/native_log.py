"""Hiding the log messages of native libraries."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_before = -1


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Discard what the process writes to file descriptor 2 inside the block.

    TensorFlow and LiteRT log to it from C++, past Python's `sys.stderr` and past their own log levels.
    Errors are not lost: they come as Python exceptions. Blocks may be nested and may overlap in several
    threads: the descriptor belongs to the process, and the last block to end restores it.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _before  # noqa: PLW0603  (there is one descriptor 2)
    with _lock:
        _inside += 1
        if _inside > 1:
            return
        try:
            _before = os.dup(2)
        except OSError:  # a service without stderr
            _before = -1
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def _leave() -> None:
    global _inside  # noqa: PLW0603
    with _lock:
        _inside -= 1
        if _inside == 0 and _before >= 0:
            os.dup2(_before, 2)
            os.close(_before)
