"""Keeping native libraries from talking over the program."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_before = -1


@contextmanager
def quiet() -> Iterator[None]:
    """Send what is written to file descriptor 2 inside the block nowhere.

    TensorFlow and LiteRT log to it from C++, past Python's `sys.stderr` and past their own log
    levels. Errors are not lost: they come as Python exceptions. Blocks may lie in one another and in
    several threads: the descriptor is the process's, and the last one out gives it back.
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
