"""Frames of videos and GIFs, with the times that their container gives them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError
from ...models.files import PICTURES
from ..types import Frame
from .base import Source
from .endings import cut_off
from .handles import Handle, next_image, open_capture, stated_frames, stated_rate

CLIPS = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm", ".wmv")
"""File suffixes that are read as clips where a folder holds them."""


def open_video(path: Path) -> Clip:
    """Open a video or GIF file, whatever its suffix.

    Raises:
        SourceError: It doesn't open as a video.
    """
    # An absolute path can't be mistaken for an address: FFmpeg would take "a:b.mp4" for one.
    capture = open_capture(str(path.absolute()), cv2.CAP_FFMPEG)
    if capture is None:
        raise SourceError(
            f"{path} does not open as a video; it is cut off, damaged, or no video file "
            f"(pictures end in {', '.join(PICTURES)})"
        )
    return Clip(str(path), capture, path)


_ATTEMPTS = 100
"""Pictures in a row that may be damaged: FFmpeg reports one as it reports the end, and what follows is read on."""


class Clip(Source):
    """The frames of a video, from a file or behind an address, with the times of its container.

    A file that was cut off ends early, and no decoder calls that an error; nor does a connection that
    broke. So at the end what came is held against what the container states: frames, and, because a
    file of varying frame rate states only an estimate of them, also the time of the last one. When
    both fall short by more than three frames and more than 2 %, the clip is reported as broken off.
    The size of a file is held against what its container states, too; see `endings.cut_off`.
    Containers that state nothing (a recording that was killed) can't be held to it.

    Args:
        spec: What it is called.
        capture: The open video; released with this source.
        path: The file, if it is one.
    """

    def __init__(self, spec: str, capture: cv2.VideoCapture, path: Path | None = None) -> None:
        self.spec = spec
        self._path = path
        self.rate = stated_rate(capture)
        self.size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self._stated = stated_frames(capture)
        self._step = 1 / (self.rate or 25.0)
        self._index = 0
        self._time = 0.0
        self._handle = Handle(lambda: _next(capture), capture.release)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames that are left.

        Raises:
            SourceError: No frame decodes, or fewer came than the file states.
        """
        while (came := self._handle.read()) is not None:
            image, stated, damaged = came
            self.damaged += damaged
            if self._index:
                # Some streams state no times, or the same twice: then the frame rate must do.
                self._time = stated if stated > self._time else self._time + (1 + damaged) * self._step
            self._index += 1
            yield Frame(image, self._index - 1, self._time)
        if not self._handle.closed:
            self._check_complete()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def _check_complete(self) -> None:
        if not self._index:
            raise SourceError(f"{self.spec} opens as a video, but no frame of it decodes; it is damaged or cut off")
        by_time = round(self._time / self._step) + 1
        missing = self._stated - max(self._index, by_time)
        if missing > max(3, 0.02 * self._stated):
            came = f"{self._index} of about {self._stated} frames"
        elif self._path and cut_off(self._path):
            came = f"{self._index} frame{'s' * (self._index != 1)}"
        else:
            return
        raise SourceError(
            f"{self.spec} broke off: {came} came; "
            "the file is cut off or damaged, or its connection broke; what came was used"
        )


def _next(capture: cv2.VideoCapture) -> tuple[NDArray[np.uint8], float, int] | None:
    """Read the next picture that decodes, its time in seconds and how many damaged ones lay before it."""
    for damaged in range(_ATTEMPTS):
        image = next_image(capture)
        if image is not None:
            return image, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, damaged
    return None
