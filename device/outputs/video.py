"""Results as an annotated video."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import OutputError, UsageError
from ..types import FrameResult
from .base import Output, explained
from .drawing import annotate, fitted
from .encoding import encoded
from .mjpeg_mp4 import Mp4

VIDEO = ".mp4"
"""The suffix of videos that are written."""


class AnnotatedVideo(Output):
    """A video of the annotated frames, playable to its last frame even after `kill -9`.

    The pictures are JPEG in MP4; see `mjpeg_mp4` for why not H.264. A frame of 640 x 480 takes some 30 kB.
    Each is shown when it was seen, so a run that is slower than its camera plays at true speed.

    A frame of another size than the first is fitted into the first one's, with black borders.

    Args:
        path: The file, replaced if there is one; its name ends in .mp4.
        rate: Frames a second of the source; 15 where it is unknown.

    Raises:
        UsageError: The suffix is another.
        OutputError: The file can't be written.
    """

    def __init__(self, path: str | Path, rate: float | None = None) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() != VIDEO:
            raise UsageError(f"{path}: a video's name ends in {VIDEO}")
        self._rate = rate or 15.0
        self._video: Mp4 | None = None
        self._start = 0.0
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._new = not self.path.exists()
            # Opened now, so that a place that can't be written is known before the first frame.
            self.path.open("ab").close()

    def write(self, result: FrameResult) -> None:
        """Draw a result and append the picture.

        Raises:
            OutputError: The disk is full or gone; the video so far is closed and playable.
        """
        if self.done:
            return
        picture = annotate(result)
        with explained(self.path), self._finished_on_error():
            if self._video is None:
                self._start = result.frame.time
                self._video = Mp4(self.path, (picture.shape[1], picture.shape[0]), self._rate)
            video = self._video
            # Time stamps must grow, also where the source's stand still or begin again.
            after = video.milliseconds + 1 if video.count else 0
            moment = max(after, round(1000 * (result.frame.time - self._start)))
            video.write(encoded(fitted(picture, video.size), ".jpg"), moment)

    def close(self) -> None:
        """Finish the file; a video without a frame is removed."""
        if self.done:
            return
        self.done = True
        with explained(self.path):
            if self._video is not None:
                self._video.close()
            elif self._new:
                self.path.unlink(missing_ok=True)

    @contextmanager
    def _finished_on_error(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # The first error is the one to tell.
            with suppress(OutputError):
                self.close()
            raise
