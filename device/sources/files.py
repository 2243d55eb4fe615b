"""Frames from files: a picture, a clip, or a folder of both."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ...errors import DataError, FerliteError, SourceError
from ...models.files import PICTURES
from ...models.pictures import read_picture
from ..types import Frame
from .base import Source
from .clips import CLIPS, open_video

_log = logging.getLogger(__name__)


def open_file(path: str | Path, *, rate: float | None = None) -> Source:
    """Open a file or folder that exists.

    Args:
        path: A picture (by its suffix), a folder of pictures and clips, or else a video file.
        rate: Pictures a second of a folder.

    Raises:
        DataError: A picture doesn't decode, or the folder holds none.
        SourceError: The file doesn't open as a video, or it is a pipe, socket or device.
    """
    path = Path(path)
    if path.is_dir():
        return Folder(path, rate=rate)
    if not path.is_file():  # opening a pipe would wait for its writer
        raise SourceError(
            f"{path} is a pipe, socket or device, not a file; save what comes from it (a camera: usb:/dev/...)"
        )
    return Picture(path) if path.suffix.lower() in PICTURES else open_video(path)


class Picture(Source):
    """A single picture.

    Args:
        path: The file.

    Raises:
        DataError: The file does not decode as a picture.
    """

    def __init__(self, path: Path) -> None:
        self.spec = str(path)
        image = read_picture(path)
        self.size = (image.shape[1], image.shape[0])
        self._frame: Frame | None = Frame(image, 0, 0.0, path.name, still=True)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the picture, once."""
        frame, self._frame = self._frame, None
        if frame is not None:
            yield frame

    def close(self) -> None:
        """Forget the picture."""
        self._frame = None


class Folder(Source):
    """The pictures and clips of a folder in the order of their names; what else it holds is logged.

    Frames are numbered through. Time goes on from file to file, so that the first frame of a clip follows
    the file before it as a picture would; it continues nothing and is marked as `still`, as pictures are.

    Args:
        path: The folder.
        rate: Files a second for the frames' times; one a second where not given. Clips keep their own.

    Raises:
        DataError: The folder holds neither pictures nor clips, or the first file is a picture that
            doesn't decode.
        SourceError: The first file is a clip that doesn't open.
    """

    def __init__(self, path: Path, *, rate: float | None = None) -> None:
        self.spec = str(path)
        self.rate = rate
        entries = sorted(path.iterdir())
        self._files = [p for p in entries if p.suffix.lower() in (*PICTURES, *CLIPS) and p.is_file()]
        if not self._files:
            raise DataError(f"{path} holds no pictures or clips; they end in {', '.join((*PICTURES, *CLIPS))}")
        read = set(self._files)
        if skipped := [p.name for p in entries if p not in read]:
            _log.warning("%s: skipped what is no picture or clip: %s", path, ", ".join(skipped))
        self._position = self._index = self._damaged = 0
        self._start = self._end = 0.0  # of the file that is open, and of the next
        self._file: Source | None = open_file(self._files[0])
        self.size = self._file.size

    def __iter__(self) -> Iterator[Frame]:
        """Yield each picture and each clip's frames, with their file's name.

        Raises:
            DataError: A picture doesn't decode; the frames before it were delivered.
            SourceError: A clip doesn't open or breaks off; the frames before it were delivered.
        """
        while self._position < len(self._files):
            path = self._files[self._position]
            try:
                self._file = self._file or open_file(path)
                for frame in self._file:
                    index, time = self._index, self._start + frame.time
                    self._index, self._end = index + 1, time + 1 / (self.rate or 1.0)
                    self.damaged = self._damaged + self._file.damaged
                    yield replace(frame, index=index, time=time, name=path.name, still=frame.index == 0)
            except FerliteError:
                self._go_on()
                raise
            self._go_on()

    def close(self) -> None:
        """End the iteration and close the clip that is open."""
        self._position = len(self._files)
        if self._file is not None:
            self._file.close()

    def _go_on(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None
        self._damaged = self.damaged
        self._position += 1
        self._start = self._end
