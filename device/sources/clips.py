"""Frames from files: pictures, folders of pictures, videos and GIFs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, SourceError
from ...models.files import PICTURES
from ...models.pictures import read_picture
from ..types import Frame
from .base import Source
from .handles import Handle, next_image, open_capture


def open_clip(path: str | Path, *, rate: float | None = None) -> Source:
    """Open a file or folder that exists.

    Args:
        path: A picture (by its suffix), a folder of pictures, or else a video file.
        rate: Pictures a second of a folder.

    Raises:
        DataError: A picture doesn't decode, or the folder holds none.
        SourceError: The file doesn't open as a video.
    """
    path = Path(path)
    if path.is_dir():
        return PictureFolder(path, rate=rate)
    return Picture(path) if path.suffix.lower() in PICTURES else VideoFile(path)


class PictureFolder(Source):
    """The pictures of a folder in the order of their names; other files are passed over.

    Args:
        path: The folder.
        rate: Pictures a second for the frames' times; one a second where not given.

    Raises:
        DataError: The folder holds no pictures, or the first one doesn't decode.
    """

    def __init__(self, path: Path, *, rate: float | None = None) -> None:
        self.spec = str(path)
        self.rate = rate
        self._files = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES and p.is_file())
        if not self._files:
            raise DataError(f"{path} holds no pictures; they end in {', '.join(PICTURES)}")
        self._next = 0
        self.size = _size(read_picture(self._files[0]))

    def __iter__(self) -> Iterator[Frame]:
        """Yield each picture with its file's name.

        Raises:
            DataError: A picture doesn't decode; the ones before it were delivered.
        """
        while self._next < len(self._files):
            index, path = self._next, self._files[self._next]
            self._next += 1
            yield Frame(read_picture(path), index, index / (self.rate or 1.0), path.name, still=True)

    def close(self) -> None:
        """End the iteration."""
        self._next = len(self._files)


class Picture(PictureFolder):
    """A single picture: a folder of one.

    Args:
        path: The file.

    Raises:
        DataError: The file does not decode as a picture.
    """

    def __init__(self, path: Path) -> None:
        self.spec = str(path)
        self._files = [path]
        self._next = 0
        self.size = _size(read_picture(path))


class VideoFile(Source):
    """The frames of a video or GIF file, with the times its container gives them.

    A file that was cut off ends early, and no decoder calls that an error. So at the end what came
    is held against what the container states: frames, and, because a file of varying frame rate
    states only an estimate of them, also the time of the last one. When both fall short by more than
    three frames and more than 2 %, the file is reported as broken off. Containers that state nothing
    (a recording that was killed) can't be held to it.

    Args:
        path: The file.

    Raises:
        SourceError: It doesn't open as a video.
    """

    def __init__(self, path: Path) -> None:
        self.spec = str(path)
        # An absolute path can't be mistaken for an address: FFmpeg would take "a:b.mp4" for one.
        capture = open_capture(str(path.absolute()), cv2.CAP_FFMPEG)
        if capture is None:
            raise SourceError(
                f"{path} does not open as a video; it is cut off, damaged, or no video file "
                f"(pictures end in {', '.join(PICTURES)})"
            )
        rate = capture.get(cv2.CAP_PROP_FPS)
        stated = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.rate = rate if 0 < rate <= 1000 else None
        self.size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self._stated = int(stated) if 0 < stated < 1e9 else 0
        self._capture = capture
        self._step = 1 / (self.rate or 25.0)
        self._index = 0
        self._time = 0.0
        self._handle = Handle(self._read, capture.release)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames that are left.

        Raises:
            SourceError: No frame decodes, or fewer came than the file states.
        """
        while (frame := self._handle.read()) is not None:
            yield frame
        if not self._handle.closed:
            self._check_complete()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def _read(self) -> Frame | None:
        image = next_image(self._capture)
        if image is None:
            return None
        if self._index:
            # Some streams state no times, or the same twice: then the frame rate must do.
            stated = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            self._time = stated if stated > self._time else self._time + self._step
        frame = Frame(image, self._index, self._time)
        self._index += 1
        return frame

    def _check_complete(self) -> None:
        if not self._index:
            raise SourceError(f"{self.spec} opens as a video, but no frame of it decodes; it is damaged or cut off")
        by_time = round(self._time / self._step) + 1
        missing = self._stated - max(self._index, by_time)
        if missing > max(3, 0.02 * self._stated):
            raise SourceError(
                f"{self.spec} broke off: {self._index} of about {self._stated} frames came; "
                "the file is cut off or damaged; what came was used"
            )


def _size(image: NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
