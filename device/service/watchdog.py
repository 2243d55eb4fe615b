"""Says to systemd that the pipeline makes progress, and nothing while it does not."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping

from ..closing import Closing
from ..state import State, Stateful
from .notify import notify

WATCHDOG = 180.0
"""Seconds without progress after which systemd is to start the service again.

The longest time without progress of a pipeline that is well is that of a camera which is away: a pause of 32 s between
two attempts, and an attempt of 30 s, or, where any camera will do, of 30 s and 15 more for each USB device that hangs.
"""

_STATUS_PAUSE = 5.0  # seconds between two lines of status
_LONGEST = 300  # characters of a line of status


class Watchdog(Closing):
    """Looks at a pipeline's state and says to systemd what it sees.

    Progress is a frame that was looked at, or an attempt to open the source (again). Both are counted by the thread
    that does the work, so where this hangs, in native code, in an output or in a callback, nothing is counted and
    nothing is said, and systemd starts the service again. A camera that is away for hours is no reason for it.

    - READY=1 after the first frame that was looked at.
    - WATCHDOG=1 after progress, at most every half of WATCHDOG_USEC.
    - EXTEND_TIMEOUT_USEC after progress before the first frame, so that a start may take as long as the camera is
      away.
    - STATUS= with the state in words.
    - STOPPING=1 when it is closed.

    Args:
        pipeline: Whose state is looked at.
        notify: Sends messages to systemd.
        clock: Gives the seconds of `time.monotonic()`; the time of day does not matter.
        environment: Holds WATCHDOG_USEC and WATCHDOG_PID, see sd_watchdog_enabled(3).
    """

    def __init__(
        self,
        pipeline: Stateful,
        *,
        notify: Callable[..., object] = notify,
        clock: Callable[[], float] = time.monotonic,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._pipeline, self._notify, self._clock = pipeline, notify, clock
        self._period = _period(environment)
        self._seen = (0, 0, 0)
        self._ready = self._progressed = self._closed = False
        self._pinged = self._status_sent = -math.inf
        self._status = ""

    @property
    def pause(self) -> float:
        """Seconds after which to look again."""
        return min(1.0, (self._period or math.inf) / 8)

    def look(self) -> None:
        """Look at the state, and say what is new."""
        state, now = self._pipeline.state, self._clock()
        progress = (state.frames, state.attempt, state.reopened)
        advanced, self._seen = progress != self._seen, progress
        self._progressed |= advanced
        messages = []
        if state.frames and not self._ready:
            self._ready = True
            messages.append("READY=1")
        elif advanced and not self._ready:
            messages.append(f"EXTEND_TIMEOUT_USEC={round((self._period or WATCHDOG) * 1e6)}")
        if self._period and self._progressed and now - self._pinged >= self._period / 2:
            self._progressed, self._pinged = False, now
            messages.append("WATCHDOG=1")
        status = in_words(state)
        if status != self._status and now - self._status_sent >= _STATUS_PAUSE:
            self._status, self._status_sent = status, now
            messages.append(f"STATUS={status}")
        if messages:
            self._notify(*messages)

    def close(self) -> None:
        """Say that the service ends; may be called again."""
        if not self._closed:
            self._closed = True
            self._notify("STOPPING=1")


def in_words(state: State) -> str:
    """Return a line about a state: its name, frames a second, and what is wrong with camera, heat or outputs."""
    parts = [state.name]
    if state.rate:
        parts.append(f"{state.rate:.0f} frames a second")
    elif state.attempt:
        parts.append(f"attempt {state.attempt}")
    line = ", ".join(parts)
    if state.reason and state.name != "running":
        line += f": {state.reason}"
    if state.limit:
        line += f"; {state.limit}"
    for output in state.outputs:
        if output.problem:
            line += f"; {output.problem} ({output.dropped} dropped)"
    # A message is one line: what a device or an address is called must not become another message.
    line = " ".join("".join(c if c.isprintable() else " " for c in line).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."


def _period(environment: Mapping[str, str]) -> float | None:
    """Return the seconds after which systemd misses a sign of life; None if it waits for none from this process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isascii() and text.isdecimal() and int(text) else None
