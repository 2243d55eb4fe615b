"""Looks after something every few seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

from ..closing import Closing

_log = logging.getLogger(__name__)

_PATIENCE = 0.5  # seconds that a look under way gets at the end


class Periodic(Closing):
    """Calls a function every so many seconds in a thread of its own, until it is closed.

    A function that raises is not called again: a watchdog that is broken must not go on to say that all is well.

    Args:
        look: What is called.
        seconds: How long to wait between two calls.
        name: Of the thread, for the log.
    """

    def __init__(self, look: Callable[[], object], seconds: float, name: str) -> None:
        self._look, self._seconds = look, seconds
        self._closed = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; may be called again."""
        self._closed.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            while not self._closed.wait(self._seconds):
                self._look()
        except Exception:
            _log.exception("the thread %r ended by a defect; the rest goes on", self._thread.name)
