"""Of a live source only the newest frame is kept: a thread of its own reads it."""

from __future__ import annotations

import atexit
import math
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress

from ...errors import SourceError, UsageError
from ..types import Frame
from .base import TICK, Source, Watched

_PATIENCE = 1.0  # seconds that a read under way may take to end

Wait = Callable[[threading.Condition, Callable[[], bool], float | None], bool]
"""Waits for a condition's predicate for so many seconds, as `threading.Condition.wait_for` does."""


def newest(source: Source) -> Source:
    """Return a source that hands out the newest frame where it is live, and every frame where it is not."""
    return Newest(source) if source.live and not source.newest_only else source


class NoFrameError(Exception):
    """No frame came in time."""


class Newest(Watched):
    """A live source that is read all the time, from now on, and hands out its newest frame.

    A consumer slower than the camera sees what is happening now, not what happened a queue ago.

    Args:
        source: What to read; closed with this one.

    Raises:
        UsageError: The source's class leaves out `spec` or `size`.
    """

    newest_only = True

    def __init__(self, source: Source) -> None:
        for name in ("spec", "size"):
            if not hasattr(source, name):
                raise UsageError(f"{type(source).__name__} has no {name}; every Source sets it, see its attributes")
        self.spec, self.live = source.spec, source.live
        self.size, self.rate = source.size, source.rate
        self._source = source
        self._capture = CaptureThread(lambda: source)
        weakref.finalize(self, self._capture.stop)

    def watch(self) -> Iterator[Frame | None]:
        """Yield the newest frame each time one is asked for, and None while there is none; end with the source.

        Raises:
            Exception: Whatever the source raised, after its last frame was handed out.
        """
        while True:
            try:
                frame = self._capture.take(TICK)
            except NoFrameError:
                yield None
                continue
            if frame is None:
                return
            self.dropped = self._source.dropped + self._capture.dropped
            self.damaged, self.reopened = self._source.damaged, self._source.reopened
            yield frame

    def close(self) -> None:
        """Stop reading and close the source; wait for a read that is under way, but not for one that hangs."""
        self._capture.stop(_PATIENCE)


class CaptureThread(threading.Thread):
    """Opens, reads and closes a source in a thread and keeps its newest frame.

    A source that is not live has to wait until its frame was taken, so that none is lost.

    The thread runs until it is stopped, so its owner also stops it in a `weakref.finalize`; what runs when
    Python ends is stopped then. A thread doesn't go along into a forked process: there nothing can be
    taken, and nothing is closed, because the device belongs to the parent.

    Args:
        opener: Opens the source.
        wait: Waits for a frame; a test brings one that needs no time.
        clock: Gives the time in seconds.

    Attributes:
        source: The source, once it is open.
        dropped: Frames that came and were never handed out.
    """

    def __init__(
        self,
        opener: Callable[[], Source],
        *,
        wait: Wait = threading.Condition.wait_for,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # A daemon: a capture that hangs in a driver must not keep the program from ending.
        super().__init__(name="capture", daemon=True)
        self.source: Source | None = None
        self.dropped = 0
        self._frame: Frame | None = None
        self._error: Exception | None = None
        self._ended = False
        self._opener, self._wait, self._clock = opener, wait, clock
        self._came = clock()  # when the frame came; before the first, when the thread began
        self._changed = threading.Condition()
        self._process = os.getpid()
        self._over = threading.Event()
        _running.add(self)
        self.start()

    @property
    def running(self) -> bool:
        """Whether the source is opened or read; a read that hangs is."""
        return not self._over.is_set()

    @property
    def forked(self) -> bool:
        """Whether the thread was left behind in the process that this one was forked from."""
        return self._process != os.getpid()

    @property
    def damaged(self) -> int:
        """Frames that came and didn't decode."""
        return self.source.damaged if self.source else 0

    @property
    def silence(self) -> float:
        """Seconds since a frame came."""
        return self._clock() - self._came

    def peek(self, patience: float) -> Frame | None:
        """Wait for a frame and leave it to be taken, or replaced by a newer one; see `take`."""
        with self._changed:
            return self._newest(patience, math.inf)

    def take(self, patience: float, age: float = math.inf) -> Frame | None:
        """Wait for a frame that was not handed out yet.

        Args:
            patience: Seconds to wait at most.
            age: Greatest age of a live source's frame in seconds: an older one is dropped, because the source
                gave none since.

        Returns:
            The newest one, or None at the end.

        Raises:
            NoFrameError: None came in time, or the newest one is too old.
            SourceError: This process was forked after the source was opened.
            Exception: Whatever the source raised, after its last frame was handed out.
        """
        # Without the lock: the thread may have held it at the fork.
        if self.forked:
            raise SourceError(
                f"{self.source.spec if self.source else 'the source'} was opened before this process was forked, "
                'and is read in the other one; open it here, or start processes by multiprocessing\'s "spawn"'
            )
        with self._changed:
            frame = self._newest(patience, age)
            self._frame = None
            self._changed.notify_all()
        return frame

    def stop(self, patience: float = 0.0) -> None:
        """End the reading, wait for the thread for at most `patience` seconds, and close the source.

        A read that hangs is left behind; the source is closed when it returns.
        """
        if self.forked:
            return
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if patience:
            self.join(patience)
        if self.source is not None:
            self.source.close()

    def _newest(self, patience: float, age: float) -> Frame | None:
        if not self._wait(self._changed, lambda: self._frame is not None or self._ended, patience):
            raise NoFrameError
        if self._is_older(age):
            self._frame = None
            self.dropped += 1
            if not self._ended:
                raise NoFrameError
        if self._frame is None and self._error is not None:
            raise self._error
        return self._frame

    def _is_older(self, seconds: float) -> bool:
        live = self.source is not None and self.source.live
        return live and self._frame is not None and self.silence > seconds

    def join(self, timeout: float | None = None) -> None:
        """Wait until the source is read no more."""
        # Interrupted by Ctrl-C, Python 3.11's own `join` takes a thread that runs for one that ended.
        if self._over.wait(timeout):
            super().join(timeout)

    def run(self) -> None:
        """Read the source until it ends or is stopped."""
        try:
            self._open_and_read()
        finally:
            _running.discard(self)
            self._over.set()

    def _open_and_read(self) -> None:
        try:
            with self._opener() as self.source:
                # It may have been stopped while it was opened.
                if not self._ended:
                    self._read(self.source)
        except Exception as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read(self, source: Source) -> None:
        for frame in source:
            with self._changed:
                if not source.live:
                    self._changed.wait_for(lambda: self._frame is None or self._ended)
                if self._ended:
                    return
                self.dropped += self._frame is not None
                self._frame, self._came = frame, self._clock()
                self._changed.notify_all()


_running: set[CaptureThread] = set()


@atexit.register
def _stop_all() -> None:
    """Stop the threads that still run when Python ends.

    A read in native code that returns to an interpreter which is gone aborts the process.
    """
    captures = [capture for capture in list(_running) if not capture.forked]
    if not captures:
        return
    with suppress(ValueError):  # Python ends in another thread than its first
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    for capture in captures:
        capture.stop()
    deadline = time.monotonic() + _PATIENCE
    for capture in captures:
        capture.join(max(0.0, deadline - time.monotonic()))
