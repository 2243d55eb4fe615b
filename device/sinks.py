"""Where results go: JSON lines, annotated video, annotated pictures."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from ..models.errors import OutputError, UsageError
from ..models.files import PICTURES, write_bytes
from .draw import annotate, fitted
from .mp4 import Mp4
from .types import FrameResult

_JPEG_QUALITY = 85

VIDEO = ".mp4"
"""The suffix of videos that are written."""


class Sink(Protocol):
    """Takes results one after another.

    Attributes:
        done: Nobody reads any more: the run may end, quietly.
    """

    done: bool = False

    def write(self, result: FrameResult) -> None:
        """Take a result.

        Raises:
            OutputError: It can't be written; what was written before is kept.
        """
        ...

    def close(self) -> None:
        """Finish; may be called again."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class JsonLines(Sink):
    """One line of JSON for each frame, as `FrameResult.to_json` has it.

    Lines are appended to a file and handed to the system one by one, so that a killed run leaves
    every line that it wrote; where a former run was cut off in mid-line, a new line is begun first.
    When a pipe's reader leaves (`ferlite run | head`), `done` is set and nothing more is written.

    Args:
        target: A path, "-" for standard output, or an open text stream, which is not closed.

    Raises:
        OutputError: The file can't be opened.
    """

    def __init__(self, target: str | Path | TextIO = "-") -> None:
        self._stream: TextIO | None = None
        self._file: FileIO | None = None
        if not isinstance(target, (str, Path)):
            self._stream, self._name = target, "the stream"
        elif str(target) == "-":
            self._stream, self._name = sys.stdout, "standard output"
        else:
            self._name = str(target)
            with _explained(self._name):
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                # Unbuffered: a line that was written is out of this process.
                self._file = FileIO(self._name, "a")
                if _ends_in_mid_line(Path(target)):
                    _write_all(self._file, b"\n")

    def write(self, result: FrameResult) -> None:
        """Write a line.

        Raises:
            OutputError: The disk is full or gone.
        """
        if self.done:
            return
        # ASCII: a file name that is no valid UTF-8 can be written too.
        line = json.dumps(result.to_json(), separators=(",", ":")) + "\n"
        try:
            with _explained(self._name):
                if self._file is not None:
                    _write_all(self._file, line.encode())
                elif self._stream is not None:
                    self._stream.write(line)
                    self._stream.flush()
        except BrokenPipeError:
            self.done = True
            _forget(self._stream)

    def close(self) -> None:
        """Close the file; a stream stays open."""
        self.done = True
        if self._file is not None:
            self._file.close()


class AnnotatedVideo(Sink):
    """A video of the annotated frames, playable to its last frame even after `kill -9`.

    The pictures are JPEG in MP4; see `mp4` for why not H.264. A frame of 640 x 480 takes some 30 kB.
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
        with _explained(self.path):
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
        with _explained(self.path), self._finished_on_error():
            if self._video is None:
                self._start = result.frame.time
                self._video = Mp4(self.path, (picture.shape[1], picture.shape[0]), self._rate)
            video = self._video
            # Time stamps must grow, also where the source's stand still or begin again.
            after = video.milliseconds + 1 if video.count else 0
            moment = max(after, round(1000 * (result.frame.time - self._start)))
            video.write(_encoded(fitted(picture, video.size), ".jpg"), moment)

    def close(self) -> None:
        """Finish the file; a video without a frame is removed."""
        if self.done:
            return
        self.done = True
        with _explained(self.path):
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


class Pictures(Sink):
    """Annotated pictures in a folder, under the names of those they show, each whole or not there.

    Frames without a name are numbered: 000012.jpg.

    Args:
        folder: Made if there is none.

    Raises:
        OutputError: The folder can't be made.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, result: FrameResult) -> None:
        """Draw a result and write the picture.

        Raises:
            OutputError: The disk is full, or the folder can't be written.
        """
        name = Path(result.frame.name or f"{result.frame.index:06d}.jpg").name
        write_bytes(self.folder / name, _encoded(annotate(result), Path(name).suffix))

    def close(self) -> None:
        """Nothing is left open."""


class Picture(Sink):
    """A single annotated picture; of more than one frame, the newest.

    Args:
        path: The file, replaced if there is one.

    Raises:
        UsageError: The suffix is no picture's.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in PICTURES:
            raise UsageError(f"{path}: a picture's name ends in {', '.join(PICTURES)}")

    def write(self, result: FrameResult) -> None:
        """Draw a result and write the picture.

        Raises:
            OutputError: The disk is full, or the folder can't be written.
        """
        write_bytes(self.path, _encoded(annotate(result), self.path.suffix))

    def close(self) -> None:
        """Nothing is left open."""


def refuse_overwriting(path: str | Path, source: str | Path | int) -> None:
    """Stop an output from replacing what it is made from.

    Args:
        path: Output file or folder.
        source: What the frames come from; a camera or an address can't be replaced.

    Raises:
        UsageError: The output is the source, lies in a source folder, or is the folder of the source.
    """
    origin, target = Path(str(source)), Path(path).resolve()
    if source == "" or not origin.exists() or str(source).startswith("/dev/"):
        return
    origin = origin.resolve()
    inside = origin in target.parents if origin.is_dir() else target == origin.parent
    if target == origin or inside:
        raise UsageError(f"{path} is the source itself or would write into it; name an output elsewhere")


def open_annotated(path: str | Path, rate: float | None = None, *, source: str | Path | int = "") -> Sink:
    """Choose the sink for annotated output by its name.

    Args:
        path: Ending in .mp4: a video. In a picture's suffix: a picture. Without a suffix, or a
            folder that exists: a folder of pictures.
        rate: Frames a second of the source, for a video.
        source: What the frames come from, so that it is not overwritten.

    Raises:
        UsageError: The suffix is another one, or the output would replace the source.
        OutputError: The place can't be written.
    """
    refuse_overwriting(path, source)
    target = Path(path)
    suffix = target.suffix.lower()
    if target.is_dir() or not suffix:
        return Pictures(target)
    if suffix in PICTURES:
        return Picture(target)
    if suffix == VIDEO:
        return AnnotatedVideo(target, rate)
    raise UsageError(
        f"{path}: annotated output is a video ({VIDEO}), a picture ({', '.join(PICTURES)}) "
        "or, without a suffix, a folder"
    )


def _encoded(picture: NDArray[np.uint8], suffix: str) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix.lower() in (".jpg", ".jpeg") else []
    good, data = cv2.imencode(suffix, picture, quality)
    if not good:
        raise OutputError(f"a picture of {picture.shape[1]} x {picture.shape[0]} does not fit in {suffix}; use .png")
    return data.tobytes()


@contextmanager
def _explained(name: Any) -> Iterator[None]:
    """Make an OutputError of what the system says; a pipe without a reader is left as it is."""
    try:
        yield
    except (OutputError, BrokenPipeError):
        raise
    except OSError as error:
        raise OutputError(f"can't write {name}: {error.strerror or error}; check free space and permissions") from error


def _ends_in_mid_line(path: Path) -> bool:
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def _write_all(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _forget(stream: TextIO | None) -> None:
    """Point a broken pipe at nothing, or the interpreter would complain of it once more at its end."""
    with suppress(OSError, AttributeError, ValueError):
        if stream is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
