"""Results as annotated pictures."""

from __future__ import annotations

import math
import os
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...errors import UsageError
from ...models.files import PICTURES, make_folder, sync, write_bytes
from ...models.growing import claim
from ..types import Frame, FrameResult
from .base import Output, closed, explained
from .drawing import annotate
from .picture_encoding import encoded
from .rotation import Rotation

_LONGEST_NAME = 255
"""Bytes that the usual file systems take."""

_SYNC_EVERY = 1.0  # seconds; after each frame, it would wear a memory card and hold up the pipeline


class Pictures(Output):
    """Annotated pictures in a folder, under the names of those they show, each whole or not there.

    Frames of a clip are numbered: clip-000012.jpg, or 000012.jpg where it has no name. The pictures are brought to
    the disk once a second, and by `close`: of those of the last second, a power cut may leave empty files.

    Args:
        folder: Made if there is none. One with pictures is refused: those of two runs would mix.
        rotation: Removes the oldest of these pictures.
        clock: Gives seconds, to know when to bring pictures to the disk.

    Raises:
        OutputError: The folder can't be made, or another program is writing into it.
        UsageError: It holds pictures.
    """

    backlog = 8
    reads = frozenset({"results", "pixels"})

    def __init__(
        self,
        folder: str | Path,
        *,
        rotation: Rotation | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.name = Path(folder), str(folder)
        self._rotation = rotation
        self._clock, self._synced = clock, -math.inf
        self._unsynced: list[Path] = []
        with explained(self.folder):
            make_folder(self.folder)
            descriptor = os.open(self.folder, os.O_RDONLY)
            self._release = weakref.finalize(self, os.close, descriptor)
            claim(descriptor, self.folder)
            if any(each.suffix.lower() in PICTURES for each in self.folder.iterdir()):
                raise UsageError(f"{folder} holds pictures, which the new ones would mix with; name another folder")

    def write(self, result: FrameResult) -> None:
        """Draw a result and write the picture.

        Raises:
            OutputError: The disk is full, or the folder can't be written; or this was closed.
        """
        if not self._release.alive:
            raise closed(self.folder)
        path = self.folder / _name(result.frame)
        self._unsynced.append(write_bytes(path, encoded(annotate(result), path.suffix), durable=False))
        if self._rotation is not None:
            with explained(self.folder):
                self._rotation.add(path)
        if self._clock() - self._synced >= _SYNC_EVERY:
            self._sync()

    def close(self) -> None:
        """Bring all pictures to the disk, and let other programs write into the folder."""
        try:
            self._sync()
        finally:
            self._release()

    def _sync(self) -> None:
        paths, self._unsynced = self._unsynced, []
        with explained(self.folder):
            for path in paths:
                with suppress(FileNotFoundError):  # somebody moved it away
                    sync(path)
            if paths:
                sync(self.folder)
        self._synced = self._clock()


class Picture(Output):
    """A single annotated picture; of more than one frame, the newest.

    Args:
        path: The file, replaced if there is one.

    Raises:
        UsageError: The suffix is no picture's.
    """

    backlog = 8
    reads = frozenset({"results", "pixels"})

    def __init__(self, path: str | Path) -> None:
        self.path, self.name = Path(path), str(path)
        self._newest: bytes | None = None
        if self.path.suffix.lower() not in PICTURES:
            raise UsageError(f"{path}: a picture's name ends in {', '.join(PICTURES)}")

    def write(self, result: FrameResult) -> None:
        """Draw a result and write the picture.

        Raises:
            OutputError: The disk is full, or the folder can't be written.
        """
        self._newest = encoded(annotate(result), self.path.suffix)
        # Not every frame's: that would wear a memory card.
        write_bytes(self.path, self._newest, durable=False)

    def close(self) -> None:
        """Write the newest picture once more, so that it survives a power cut."""
        newest, self._newest = self._newest, None
        if newest is not None:
            write_bytes(self.path, newest)


def _name(frame: Frame) -> str:
    name = Path(frame.name)
    if name.suffix.lower() in PICTURES:
        return name.name
    stem, number = name.stem, f"{frame.index:06d}.jpg"
    while len(os.fsencode(f"{stem}-{number}")) > _LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}-{number}" if stem else number
