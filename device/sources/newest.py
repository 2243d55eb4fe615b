"""The capture thread: of a live source only the newest frame is kept, the others are counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from ..types import Frame

Wait = Callable[[threading.Condition, Callable[[], bool], float | None], bool]
"""Waits for a condition's predicate for so many seconds, as `threading.Condition.wait_for` does."""


class Newest:
    """Reads a live source in a thread of its own and hands out its newest frame.

    A consumer slower than the camera sees what is happening now, not what happened a queue ago.

    Args:
        source: What to read; its `__iter__`, too, runs in the thread.
        wait: Waits for a frame; a test brings one that needs no time.

    Attributes:
        dropped: Frames that came and were never handed out.
    """

    def __init__(self, source: Iterable[Frame], *, wait: Wait = threading.Condition.wait_for):
        self.dropped = 0
        self._frame: Frame | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._wait = wait
        self._changed = threading.Condition()
        # A daemon: a capture that hangs in a driver must not keep the program from ending.
        self._thread = threading.Thread(target=self._capture, args=(source,), name="capture", daemon=True)
        self._thread.start()

    @property
    def _lossless(self) -> bool:
        """Whether the source has to wait where else a frame would be dropped."""
        return False

    @property
    def running(self) -> bool:
        """Whether the thread is still there, be it hung or not."""
        return self._thread.is_alive()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame each time one is asked for, waiting for it; end with the source.

        Raises:
            Exception: Whatever the source raised, after its last frame was handed out.
        """
        while (frame := self.take()) is not None:
            yield frame

    def take(self, patience: float | None = None) -> Frame | None:
        """Wait for a frame that was not handed out yet.

        Args:
            patience: Seconds to wait at most; None for ever.

        Returns:
            The newest one, or None at the end.

        Raises:
            TimeoutError: None came in time.
            Exception: Whatever the source raised, after its last frame was handed out.
        """
        with self._changed:
            if not self._wait(self._changed, lambda: self._frame is not None or self._ended, patience):
                raise TimeoutError(f"no frame for {patience:g} s")
            frame, self._frame = self._frame, None
            self._changed.notify_all()
        if frame is None and self._error is not None:
            raise self._error
        return frame

    def stop(self, patience: float = 1.0) -> None:
        """End the iteration and wait for the thread, for at most `patience` seconds."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(patience)

    def _capture(self, source: Iterable[Frame]) -> None:
        try:
            for frame in source:
                with self._changed:
                    if self._lossless:
                        self._changed.wait_for(lambda: self._frame is None or self._ended)
                    if self._ended:
                        return
                    self.dropped += self._frame is not None
                    self._frame = frame
                    self._changed.notify_all()
        except Exception as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()
