"""Opening captures without noise, and closing them while another thread reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

import cv2

T = TypeVar("T")

# OpenCV 4.11 has the two functions for its log level in cv2 itself.
_log: Any = getattr(cv2.utils, "logging", cv2)


class Handle(Generic[T]):
    """A device that one thread reads and another may close at any time.

    Releasing a capture during a read crashes OpenCV, and a read can last for seconds. So `close`
    never waits: whichever of the two threads leaves last releases the device.

    Args:
        read: Waits for the next item; None at the end.
        release: Gives the device back; called once.
    """

    def __init__(self, read: Callable[[], T | None], release: Callable[[], object]) -> None:
        self._read = read
        self._release = release
        self._lock = threading.Lock()
        self._released = False
        self.closed = False

    def read(self) -> T | None:
        """Return the next item, or None after the end or after `close`."""
        try:
            with self._lock:
                item = None if self.closed else self._read()
        finally:
            self._release_if_closed()
        return None if self.closed else item

    def close(self) -> None:
        """Release the device now, or as soon as the read under way returns; more calls do nothing."""
        self.closed = True
        self._release_if_closed()

    def _release_if_closed(self) -> None:
        if self.closed and self._lock.acquire(blocking=False):
            try:
                if not self._released:
                    self._released = True
                    self._release()
            finally:
                self._lock.release()


def open_capture(target: str, backend: int, options: Sequence[int] = ()) -> cv2.VideoCapture | None:
    """Open a `cv2.VideoCapture` and keep OpenCV's and FFmpeg's own complaints off stderr.

    Args:
        target: Path or address.
        backend: `cv2.CAP_FFMPEG` or `cv2.CAP_V4L2`.
        options: Property and value by turns, applied while opening.

    Returns:
        The capture, or None where it doesn't open.
    """
    # FFmpeg's level is read once, at the first capture of the process; the user's own setting stands.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    level = _log.setLogLevel(0)
    try:
        with suppress(cv2.error):
            capture = cv2.VideoCapture(target, backend, list(options))
            if capture.isOpened():
                return capture
            capture.release()
        return None
    finally:
        _log.setLogLevel(level)
