"""Looks at fewer frames while the machine is hot."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Protocol

from ...errors import check_range
from ..sensors import celsius, throttle_reasons, throttled
from ..state import RateLimit, Stateful

HOT = 75.0
"""Degrees Celsius from which on the rate is lowered. A Raspberry Pi lowers its clock from 80 on
(https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#frequency-management-and-thermal-control)."""

LEAST = 2.0
"""Frames a second that are looked at, however hot it is."""

PAUSE = 5.0
"""Seconds between two readings of the sensors."""

_COOLER = 5.0  # degrees under that limit at which it is cool
_COOL_FOR = 60.0  # seconds that it must be cool before the rate is raised by one step
_SETTLING = 301.0  # seconds that a change gets to show in the temperature: two in 10 minutes at most lower the rate

_log = logging.getLogger(__name__)


class Limited(Stateful, Protocol):
    """Has a state and a rate that can be limited, as a pipeline does."""

    def limit(self, limit: RateLimit | None) -> None:
        """Look at no more frames than that."""
        ...


class Heat:
    """Halves a pipeline's rate step by step while the machine is hot or throttled, and doubles it when it is cool.

    Where no sensor is, nothing happens. The beginning and the end of a limit are logged as warnings.

    Args:
        pipeline: Whose rate is limited.
        hot: Degrees Celsius from which on it is; 5 degrees less are cool.
        celsius: Reads the temperature.
        throttled: Reads the flags of the firmware.
        clock: Gives the seconds of `time.monotonic()`.

    Raises:
        UsageError: `hot` lies outside 20 to 150 degrees.
    """

    def __init__(
        self,
        pipeline: Limited,
        *,
        hot: float = HOT,
        celsius: Callable[[], float | None] = celsius,
        throttled: Callable[[], int | None] = throttled,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_range("max_celsius", hot, 20, 150, "degrees")
        self._pipeline, self._celsius, self._throttled, self._clock = pipeline, celsius, throttled, clock
        self._hot = hot
        self._rates: list[float] = []  # the limits that were set, one for each step
        self._lowered = -math.inf  # when the rate was lowered last
        self._warm = clock()  # when it was not cool last, or the rate was changed

    def look(self) -> None:
        """Read the sensors, and change the limit if it is time to."""
        now, celsius, flags = self._clock(), self._celsius(), self._throttled()
        reasons = throttle_reasons(flags)
        if celsius is not None and celsius >= self._hot:
            reasons.insert(0, f"{celsius:.0f} °C")
        if reasons:
            self._slow_down(now, ", ".join(reasons))
        if reasons or (celsius is not None and celsius >= self._hot - _COOLER):
            self._warm = now
        elif self._rates and now - self._warm >= _COOL_FOR:
            self._speed_up(now)

    def _slow_down(self, now: float, reason: str) -> None:
        rate = self._rates[-1] if self._rates else self._pipeline.state.rate
        if rate <= LEAST or now - self._lowered < _SETTLING:
            return
        if not self._rates:
            _log.warning("the machine is hot or throttled (%s): fewer frames are looked at until it is cool", reason)
        self._rates.append(max(LEAST, rate / 2))
        self._lowered = now
        self._pipeline.limit(RateLimit(self._rates[-1], reason))

    def _speed_up(self, now: float) -> None:
        self._rates.pop()
        self._warm = now
        if self._rates:
            self._pipeline.limit(RateLimit(self._rates[-1], "it was hot or throttled"))
            return
        self._pipeline.limit(None)
        _log.warning("the machine is cool again: all frames are looked at")
