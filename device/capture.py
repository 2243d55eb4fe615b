"""The capture thread: of a live source only the newest frame is kept, the others are counted."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from .types import Frame


class Newest:
    """Reads a live source in a thread of its own and hands out its newest frame.

    A consumer slower than the camera sees what is happening now, not what happened a queue ago.

    Attributes:
        dropped: Frames that came and were never handed out.
    """

    def __init__(self, source: Iterable[Frame]):
        self.dropped = 0
        self._frame: Frame | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._changed = threading.Condition()
        # A daemon: a capture that hangs in a driver must not keep the program from ending.
        self._thread = threading.Thread(target=self._capture, args=(source,), name="capture", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        """Yield the newest frame each time one is asked for, waiting for it; end with the source.

        Raises:
            Exception: Whatever the source raised, after its last frame was handed out.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frame is not None or self._ended)
                frame, self._frame = self._frame, None
            if frame is None:
                break
            yield frame
        if self._error is not None:
            raise self._error

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
