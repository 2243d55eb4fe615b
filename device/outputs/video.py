"""Results as an annotated video."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import OutputError, UsageError
from ...models.growing import GrowingFile
from ..types import FrameResult
from .base import Output, closed, explained
from .drawing import annotate, fitted
from .mjpeg_mp4 import MjpegMp4
from .rotation import Rotation

if TYPE_CHECKING:
    from .h264_mp4 import H264Mp4

_log = logging.getLogger(__name__)

VIDEO = ".mp4"
"""The suffix of videos that are written."""

_PAUSE = 10.0  # seconds after an error until a new video is begun


@cache
def video_writer() -> type[H264Mp4] | type[MjpegMp4]:
    """Choose what videos are written with: H.264 where it can be, else motion JPEG with a warning.

    The warning comes once in a process; Python prints it on stderr where no logging is set up.
    """
    try:
        # Imported here: PyAV is an extra, and takes its time to load.
        from .h264_mp4 import H264Mp4
    except ImportError as error:
        _log.warning(
            "videos are written as motion JPEG, which no browser plays (%s); for H.264: pip install 'ferlite[video]'",
            error,
        )
        return MjpegMp4
    return H264Mp4


class AnnotatedVideo(Output):
    """A video of the annotated frames, playable even after `kill -9`, which costs the last frame at most.

    It is H.264 where PyAV is installed (the extra `video`), and else motion JPEG, which no browser plays.
    A frame is shown when it was seen, so a run that is slower than its camera plays at true speed.

    Once the file was renamed or removed, what was written is finished, and a new video begun under the name.
    So it is where the disk was full or gone, 10 seconds later at the earliest: then the video so far stays playable,
    and gets the time into its name, as in `out-20261121T225501Z.mp4`. Two programs can't write one file.

    A frame of another size than the first is fitted into the first one's, with black borders.

    Args:
        path: The file; its name ends in .mp4. One that exists is replaced when the first frame is encoded.
        rate: Frames a second of the source; 15 where it is unknown.
        rotation: Limits the file. One that exists is kept under a name with the time, too.
        clock: Gives seconds, to know when to try again.

    Raises:
        UsageError: The suffix is another, or the file is larger than `rotation` allows.
        OutputError: The file can't be written, or another program is writing it.
    """

    backlog = 8
    reads = frozenset({"results", "pixels"})

    def __init__(
        self,
        path: str | Path,
        rate: float | None = None,
        *,
        rotation: Rotation | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path, self.name = Path(path), str(path)
        if self.path.suffix.lower() != VIDEO:
            raise UsageError(f"{path}: a video's name ends in {VIDEO}")
        self._rate = rate or 15.0
        self._writer = video_writer()
        self._video: H264Mp4 | MjpegMp4 | None = None
        self._start = 0.0
        self._closed = False
        self._rotation = rotation or Rotation(None, None, None)
        self._kept = rotation is not None  # what is in the file before the first frame
        self._clock, self._pause, self._failure = clock, -math.inf, ""
        with explained(self.path):
            if rotation is not None:
                rotation.share(self.path)
            # Opened now, so that a place that can't be written is known before the first frame.
            self._file = GrowingFile(self.path)

    def write(self, result: FrameResult) -> None:
        """Draw a result and append the picture.

        Raises:
            OutputError: The disk is full or gone, or was within the last 10 seconds; the video so far is finished
                and playable. Or it was closed before.
        """
        if self._closed:
            raise closed(self.path)
        if self._clock() < self._pause:
            raise OutputError(self._failure)
        picture = annotate(result)
        try:
            with explained(self.path):
                self._append(picture, result.frame.time)
        except OutputError as error:
            # Nearly full disks would get a video for every few frames.
            self._failure, self._pause = str(error), self._clock() + _PAUSE
            self._kept = self._kept or (self._video is not None and self._video.count > 0)
            with suppress(OSError):  # it must not hide the first one
                self._finish()
            raise

    def close(self) -> None:
        """Finish the file; without a frame nothing new is left behind, and a file that was there stays as it was."""
        if self._closed:
            return
        self._closed = True
        with explained(self.path):
            self._finish()
            if self.path.is_file() and not self.path.stat().st_size:
                self.path.unlink()

    def _append(self, picture: NDArray[np.uint8], time: float) -> None:
        self._rotation.turn(self.path, now=self._kept)
        self._kept = False
        if self._file.moved:
            self._finish()
            self._file = GrowingFile(self.path)
        if self._video is None:
            self._start = time
            self._video = self._writer(self._file, (picture.shape[1], picture.shape[0]), self._rate)
        video = self._video
        # Time stamps must grow, also where the source's stand still or begin again.
        after = video.milliseconds + 1 if video.count else 0
        moment = max(after, round(1000 * (time - self._start)))
        video.write(fitted(picture, video.size), moment)

    def _finish(self) -> None:
        video, self._video = self._video, None
        try:
            if video is not None:
                video.close()
        finally:
            self._file.close()
