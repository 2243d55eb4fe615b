"""How many frames a second of a live source are looked at, at most."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import Event

from .sources.base import TICK
from .state import RateLimit, check_rate


class Pace:
    """Says when the next frame is due.

    Args:
        most: Frames a second at most; None for as many as come.
        clock: Gives the time in seconds.
        pause: Waits for so many seconds, 0.1 at most; returns early after `close`.

    Attributes:
        limit: A limit that came while the pipeline runs; may be set from any thread. The lower of the two holds.

    Raises:
        UsageError: `most` lies outside its range.
    """

    def __init__(
        self, most: float | None, *, clock: Callable[[], float], pause: Callable[[float], object] | None = None
    ) -> None:
        if most is not None:
            check_rate("max_rate", most)
        self.limit: RateLimit | None = None
        self._most, self._clock = most, clock
        self._closed = Event()
        self._pause = pause or self._closed.wait
        self._taken = -math.inf

    def wait(self) -> bool:
        """Wait for at most `TICK` seconds until the next frame is due; return whether it is."""
        left = self._left
        if left > 0:
            self._pause(min(left, TICK))
            left = self._left
        return left <= 0

    def took(self) -> None:
        """Note that a frame was taken."""
        self._taken = self._clock()

    def close(self) -> None:
        """Wait no more."""
        self._closed.set()

    @property
    def _left(self) -> float:
        """Seconds until the next frame is due."""
        limit = self.limit
        rates = [rate for rate in (self._most, limit and limit.rate) if rate is not None]
        if not rates or self._closed.is_set():
            return 0.0
        return self._taken + 1 / min(rates) - self._clock()
