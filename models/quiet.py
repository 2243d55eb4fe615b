"""Keeping native libraries from talking over the program."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Send what is written to file descriptor 2 inside the block nowhere.

    TensorFlow and LiteRT log to it from C++, past Python's `sys.stderr` and past their own log
    levels. Errors are not lost: they come as Python exceptions.
    """
    try:
        before = os.dup(2)
    except OSError:  # a service without stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
