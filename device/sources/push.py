"""Frames that the program itself hands in."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError, UsageError
from ...models.preprocess import to_bgr
from ..types import Frame
from .base import TICK, Source, Watched, check_size

_MOST_KEPT = 64


class PushSource(Watched):
    """Takes frames from another thread, as from a ROS callback, a web socket or a camera's own loop.

        source = PushSource((640, 480))
        threading.Thread(target=capture, args=(source.put,)).start()
        with Pipeline.open(source) as pipeline:
            for result in pipeline: ...

    The pipeline gets the newest frame whenever it is done with the one before.

    Args:
        size: Width and height of the frames in pixels, for who asks before the first one; others are taken, too.
        latest: Keep only the newest frame. Otherwise up to 64 wait, the oldest being dropped for a newer one.
        clock: Gives the time of frames that come without.

    Raises:
        UsageError: `size` is no pair of whole numbers from 1 to 16384.
    """

    live = True
    newest_only = True

    def __init__(
        self, size: tuple[int, int], latest: bool = True, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        check_size(size)
        self.spec, self.size = "push", size
        self._clock = clock
        self._frames: deque[Frame] = deque(maxlen=1 if latest else _MOST_KEPT)
        self._changed = threading.Condition()
        self._next = 0
        self._closed = False

    def put(self, image: NDArray[np.uint8], time: float | None = None, *, rgb: bool = False) -> None:
        """Hand in a frame, from any thread; never waits.

        Args:
            image: uint8 [h, w] grey, [h, w, 3] BGR or [h, w, 4] BGRA. It is copied: the caller may use it again.
            time: When it was taken, in seconds, best of `time.monotonic()`; now if None.
            rgb: The colours are in the order RGB or RGBA.

        Raises:
            DataError: Another shape or dtype.
            UsageError: `time` is not finite, or no number.
            SourceError: The source was closed.
        """
        moment = self._clock() if time is None else time
        pixels = to_bgr(image, rgb=rgb)
        pixels = pixels.copy() if np.may_share_memory(pixels, image) else pixels
        with self._changed:
            if self._closed:
                raise SourceError("this source is closed; hand frames in before close(), or open a new one")
            frame = Frame(pixels, self._next, moment)
            self.dropped += len(self._frames) == self._frames.maxlen
            self._frames.append(frame)
            self._next += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Say that no more frames come: the pipeline ends after those that are left."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def watch(self) -> Iterator[Frame | None]:
        """Yield the frames that were handed in; None ten times a second while there is none."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frames or self._closed, TICK)
                frame = self._frames.popleft() if self._frames else None
                if frame is None and self._closed:
                    return
            yield frame

    def close(self) -> None:
        """End at once; the frames that are left are dropped."""
        with self._changed:
            self._frames.clear()
        self.end()


class NoSource(Source):
    """Stands for the source of a pipeline that is handed its frames by `process`."""

    spec = "own frames"
    live = True
    newest_only = True
    size = (0, 0)

    def __iter__(self) -> Iterator[Frame]:
        """There is nothing to iterate over.

        Raises:
            UsageError: Always.
        """
        raise UsageError("this pipeline has no source: hand frames to process(), or open it with a PushSource")

    def close(self) -> None:
        """Nothing is open."""
