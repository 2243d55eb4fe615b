"""Opening captures without noise, and closing them while another thread reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError
from .spec import masked

T = TypeVar("T")

# OpenCV 4.11 has the two functions for its log level in cv2 itself.
_log: Any = getattr(cv2.utils, "logging", cv2)


class _Silence:
    """Keeps OpenCV from logging while any thread is inside; the last one out restores its level."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._level = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._level = _log.setLogLevel(0)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _log.setLogLevel(self._level)


_silence = _Silence()


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

    Raises:
        SourceError: `target` is not UTF-8.
    """
    name = _utf8(target)
    # FFmpeg's level is read once, at the first capture of the process; the user's own setting stands.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with _silence, suppress(cv2.error):
        capture = cv2.VideoCapture(name, backend, list(options))
        if capture.isOpened():
            return capture
        capture.release()
    return None


def stated_rate(capture: cv2.VideoCapture) -> float | None:
    """Return the frames a second that a capture states; None where it states none that can be."""
    rate = capture.get(cv2.CAP_PROP_FPS)
    return rate if 0 < rate <= 1000 else None


def stated_frames(capture: cv2.VideoCapture) -> int:
    """Return how many frames a container states; 0 where it states none, as a live stream does."""
    frames = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(frames) if 0 < frames < 1e9 else 0


def next_image(capture: cv2.VideoCapture) -> NDArray[np.uint8] | None:
    """Read the next picture of a capture, uint8 [h, w, 3] BGR; None at its end, or where it doesn't decode."""
    try:
        delivered, image = capture.read()
    except cv2.error:
        return None
    return np.asarray(image, np.uint8) if delivered else None


def _utf8(target: str) -> str:
    """Return a path or address in the form that OpenCV takes: any other text ends the process.

    Where Python reads file names as ASCII, an ordinary name, too, comes with escapes for its bytes.

    Raises:
        SourceError: Its bytes are not UTF-8.
    """
    try:
        return os.fsencode(target).decode("utf-8")
    except UnicodeError as error:
        raise SourceError(
            f"the name {masked(target)!r} is not UTF-8; OpenCV opens no video or device of such a name: rename it"
        ) from error
