"""Knows how a pipeline is doing: its frames, its rate, and the state of its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .event_types import StateEvent
from .pace import Pace
from .sources.base import Source
from .state import State
from .types import Frame

_SILENCE = 1.0  # seconds without a frame from which on a live source is stalled; or three of its intervals
_SPAN = 1.0  # seconds over which the rate is measured
_OLDEST = 60.0  # seconds; a live frame that seems to be older has the time of another clock


class Monitor:
    """Counts frames and notices when the state changes.

    Args:
        source: Where the frames come from.
        clock: Gives the seconds of `time.monotonic()`.
        wall: Gives the seconds since the epoch.
        pace: Knows what limits the rate.
    """

    def __init__(self, source: Source, *, clock: Callable[[], float], wall: Callable[[], float], pace: Pace) -> None:
        self._source, self._clock, self._wall, self._pace = source, clock, wall, pace
        self._interval = 1 / source.rate if source.rate else 0.0  # seconds between two frames, lately
        self._looked = False  # at a frame, since one was asked for
        self._frames = self._counted = 0
        self._counted_at = self._waits_since = clock()
        self._rate = 0.0
        self._stalled = False
        self._end: State | None = None
        self._last = State("opening", since=clock())

    @property
    def state(self) -> State:
        """The state now."""
        state = self._end or self._source.state
        if state.name == "running":
            state = replace(state, name="opening" if not self._frames else "stalled" if self._stalled else "running")
        return replace(
            state,
            since=self._last.since if state.name == self._last.name else self._clock(),
            frames=self._frames,
            rate=self._rate if state.name == "running" else 0.0,
            dropped=self._source.dropped,
            damaged=self._source.damaged,
            reopened=self._source.reopened,
            limit=self._pace.limit,
        )

    def saw(self, frame: Frame) -> float:
        """Count a frame that was looked at, and return its time in seconds since the epoch."""
        now = self._clock()
        self._frames += 1
        self._stalled, self._end = False, None
        self._interval = max(now - self._waits_since, 0.9 * self._interval)
        self._looked = True
        if now - self._counted_at >= _SPAN:
            self._rate = (self._frames - self._counted) / (now - self._counted_at)
            self._counted, self._counted_at = self._frames, now
        age = now - frame.time
        return self._wall() - (age if self._source.live and 0 <= age < _OLDEST else 0.0)

    def resume(self) -> None:
        """Note that the next frame is asked for: the time that the last one's consumer took is not the camera's."""
        if self._looked:
            self._waits_since, self._looked = self._clock(), False

    def wait(self) -> None:
        """Note that no frame has come yet."""
        silence = max(_SILENCE, 3 * self._interval)
        self._stalled = self._source.live and self._clock() - self._waits_since > silence

    def end(self, error: Exception | None = None) -> None:
        """Note that no more frames come, and why."""
        self._end = State("failed", reason=str(error)) if error else State("ended", self._source.state.reason)

    def changes(self) -> list[StateEvent]:
        """Return the change of state since the last call, if there is one."""
        state, before = self.state, self._last
        if (state.name, state.attempt) == (before.name, before.attempt):
            return []
        now = self._clock()
        self._last = replace(state, since=before.since if state.name == before.name else now)
        return [StateEvent(self._last, now, self._wall(), before.name, now - before.since)]
