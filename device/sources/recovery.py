"""A camera or stream that stalls or breaks off is opened again."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace

from ...errors import SourceError, check_range
from ..state import State
from ..types import Frame
from .base import TICK, Source, Watched
from .newest import CaptureThread, NoFrameError, Wait

_FIRST_DELAY, _DOUBLINGS = 1.0, 5  # seconds, so that the longest is 32
_HEALTHY = 10.0  # seconds of frames after which a loss counts as the first again
_MOST_HUNG = 4

OPENING = 30.0
"""Seconds to wait for the first frame; every kind of source but auto gives up by itself before."""

_log = logging.getLogger(__name__)


class Recovering(Watched):
    """A camera or stream that is opened again whenever it gives no frame for a while or breaks off.

    A thread opens and reads the source and keeps its newest frame. So a read that hangs in a driver holds
    up neither the program nor its end: the thread is left behind, and closes the device when its read
    returns. While four such threads hang, no other is started.

    The pauses between attempts double from 1 to 32 seconds, each shortened at random by up to a half, so
    that many devices which lost one server do not all return at the same moment. Losses and recoveries
    are logged as warnings, which Python prints on stderr where no logging is set up.

    While nobody takes frames, the newest one waits for at most `stall` seconds: if no other came since, the
    source counts as stalled, and the old frame is dropped.

    A clip behind an address is not live: it loses no frame, and its loss is an error, because it can't be
    continued in the middle.

    Args:
        opener: Opens the source.
        spec: Name of the source until it is open.
        stall: Seconds without a frame after which it is opened again.
        reopen: Attempts in a row that may fail, or lose the source again within 10 seconds, before
            the loss is raised; None for no limit, 0 to raise the first loss. The first opening is not
            repeated, unless it is waited for.
        absent: The source may be absent at first: it is opened, as often as needed, while it is read.
        opening: Seconds to wait for the first frame, asked for at each opening.
        wait: Waits for a frame; a test brings one that needs no time, as of the next two.
        clock: Gives the time in seconds.
        pause: Waits for so many seconds, 0.1 at most, between attempts; returns early after `close`.
        chance: Gives a number from 0 to 1.

    Raises:
        SourceError: It doesn't open, or gives no first frame.
        UsageError: `stall` or `reopen` lies outside its range.
    """

    newest_only = True

    def __init__(
        self,
        opener: Callable[[], Source],
        spec: str,
        *,
        stall: float = 5.0,
        reopen: int | None = None,
        absent: bool = False,
        opening: Callable[[], float] = lambda: OPENING,
        wait: Wait = threading.Condition.wait_for,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        check_range("stall", stall, 0.001, 3600, "seconds")
        if reopen is not None:
            check_range("reopen", reopen, 0, unit="attempts", whole=True)
        self.spec = spec
        self._opener, self._stall, self._reopen, self._wait, self._chance = opener, stall, reopen, wait, chance
        self._opening, self._clock = opening, clock
        self._closed = threading.Event()
        self._pause = pause or self._closed.wait
        self._attempts: list[CaptureThread] = []  # the newest at the end, before it those that hang
        self._dropped = self._damaged = 0  # of attempts that are over
        self._failed = 0
        self._next = 0
        self._opened = False
        self._loss: OSError | None = None  # since when it was lost, until it is open again
        self._given_up: SourceError | None = None
        self._reason = ""  # of the last loss
        self._retry_at: float | None = None
        self._ticks = 0  # until then
        weakref.finalize(self, _stop, self._attempts)
        if absent:
            # Nothing is known before it opens; that it is live is what makes it be waited for.
            self.live, self.size = True, (0, 0)
            return
        for _ in self._begin():
            pass

    @property
    def state(self) -> State:
        """Opening, running or reopening, with the loss that made it so."""
        if self._opened and self._loss is None:
            return State("running", self._reason)
        return State(
            "reopening" if self._opened else "opening",
            reason=self._reason,
            attempt=self._failed,
            next_try=None if self._retry_at is None else max(0.0, self._retry_at - self._clock()),
        )

    def watch(self) -> Iterator[Frame | None]:
        """Yield the newest frame each time one is asked for, numbered on after a loss, and None while there is none.

        Raises:
            SourceError: The source is lost, and may not be opened again or was so in vain.
        """
        while not self._closed.is_set():
            if self._given_up is not None:
                raise self._given_up
            try:
                if self._loss is not None:
                    yield from self._recover(self._loss)
                elif not self._opened:
                    yield from self._begin()
                frame = self._frame()
            except NoFrameError:
                yield None
            except OSError as error:
                self._lose(error)
            else:
                if frame is None:
                    break
                yield frame

    def close(self) -> None:
        """Leave the source; wait for a read that is under way, but not for one that hangs."""
        self._closed.set()
        for attempt in self._attempts[-1:]:
            attempt.stop(patience=0.8)

    def _frame(self) -> Frame | None:
        """Return the newest frame, or None at the end.

        Raises:
            NoFrameError: There is none.
            OSError: The source stalls, or broke off.
        """
        attempt = self._attempts[-1]
        try:
            frame = attempt.take(TICK, age=self._stall)
        except NoFrameError:
            if attempt.silence < self._stall:
                raise
            raise SourceError(f"{self.spec}: no frame for {self._stall:g} s") from None
        if frame is None:
            return None
        if frame.time - self._began > _HEALTHY:
            self._failed = 0
        frame = replace(frame, index=self._offset + frame.index)
        self._next = frame.index + 1
        self.dropped = self._dropped + sum(attempt.dropped for attempt in self._attempts)
        self.damaged = self._damaged + sum(attempt.damaged for attempt in self._attempts)
        return frame

    def _begin(self) -> Iterator[None]:
        """Open the source and wait for its first frame, which is replaced while nobody asks for it.

        Yields:
            None, while no frame comes.

        Raises:
            SourceError: There is none.
        """
        hung = self._hung
        if len(hung) >= _MOST_HUNG:
            raise SourceError(f"{self.spec}: {len(hung)} reads hang in its driver; restart the program")
        over = [attempt for attempt in self._attempts if attempt not in hung]
        self._dropped += sum(attempt.dropped for attempt in over)
        self._damaged += sum(attempt.damaged for attempt in over)
        attempt = CaptureThread(self._opener, wait=self._wait, clock=self._clock)
        self._attempts[:] = [*hung, attempt]
        opening = self._opening()
        try:
            while True:
                if self._closed.is_set():
                    raise SourceError(f"{self.spec} was closed")
                try:
                    first = attempt.peek(TICK)
                    break
                except NoFrameError:
                    if attempt.silence >= opening:
                        raise SourceError(f"{self.spec} does not open: no frame for {opening:g} s") from None
                yield
        except BaseException:
            # A source that opens nevertheless, after this was interrupted, must be closed.
            attempt.stop()
            raise
        if attempt.source is not None:
            self.spec, self.live = attempt.source.spec, attempt.source.live
            self.size, self.rate = attempt.source.size, attempt.source.rate
        self._began = first.time if first else 0.0
        self._offset = self._next
        self.reopened += self._opened
        self._opened, self._loss = True, None

    @property
    def _hung(self) -> list[CaptureThread]:
        """What is opened or read still."""
        return [attempt for attempt in self._attempts if attempt.running]

    def _lose(self, error: OSError) -> None:
        """Note a loss, where the source may be opened again.

        Raises:
            SourceError: It may not, or not once more.
        """
        gone = self._attempts[-1]
        if gone.forked:
            raise error
        gone.stop()
        self._loss, self._reason = error, str(error)
        if not self.live or (self._reopen is not None and self._failed >= self._reopen):
            after = f"; gave up after attempt {self._failed}" if self._failed else ""
            self._given_up = SourceError(f"{error}{after}")
            raise self._given_up from error

    def _recover(self, loss: OSError) -> Iterator[None]:
        """Open the source again after a pause.

        Yields:
            None, while no frame comes.

        Raises:
            SourceError: It doesn't open.
        """
        # A reader that stopped in a pause and asks again goes on with it.
        retry_at = self._retry_at
        if retry_at is None:
            delay = _FIRST_DELAY * 2 ** min(self._failed, _DOUBLINGS) * (1 - self._chance() / 2)
            # An attempt that hanging reads forbid is none: a watchdog must see that nothing goes on.
            self._failed += self._reopen is not None or len(self._hung) < _MOST_HUNG
            retry_at = self._clock() + delay
            self._retry_at, self._ticks = retry_at, math.ceil(delay / TICK)
            _log.warning("%s; opening it again in %.1f s (attempt %d)", loss, delay, self._failed)
        while self._ticks and self._clock() < retry_at:
            yield
            self._ticks -= 1
            if not self._closed.is_set():
                self._pause(TICK)
        self._retry_at = None
        opened = self._opened
        yield from self._begin()
        if opened:
            _log.warning("%s gives frames again (reopened so far: %d)", self.spec, self.reopened)


def _stop(attempts: list[CaptureThread]) -> None:
    """Stop the reading of a source that nobody holds any more."""
    for attempt in attempts:
        attempt.stop()
