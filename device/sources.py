"""Where frames come from: one noun, `open_source`, for cameras, streams, clips and pictures."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from ..models.errors import MissingFileError, UsageError, unknown
from .types import Frame

FORMS = (
    "a picture, a folder of pictures or a video file; a USB camera as 0, usb:0 or /dev/video0; picamera:0; "
    "an rtsp:// or http:// address; auto; virtual:"
)
"""What a source can be, in words."""

_NETWORK = ("rtsp", "rtsps", "http", "https")
_CAMERAS = ("usb", "picamera", "virtual")
_WATCHED = ("usb", "picamera", "stream", "auto")
_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Source(ABC):
    """Frames one after another, uint8 BGR whatever they come from; read once, like an open file.

        with open_source("clip.mp4") as source:
            for frame in source:
                print(frame.time, frame.image.shape)

    Attributes:
        spec: What was opened, in words that can be shown: a password in an address is masked.
        live: Frames come at their own pace and are gone when not taken; times are `time.monotonic()`.
        size: Width and height of the frames in pixels; of the first picture, for a folder.
        rate: Frames a second, where the source states it.
        dropped: Frames that came and were never handed out, so far.
        reopened: How often the source was opened again after a loss, so far.
    """

    spec: str
    live: bool = False
    size: tuple[int, int]
    rate: float | None = None
    dropped: int = 0
    reopened: int = 0

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames that are left; end after `close`.

        Raises:
            SourceError: The source broke off.
            DataError: A picture doesn't decode.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the device or file back; may be called again, and from another thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Oriented(Source):
    """A source seen turned or mirrored, for a camera that is mounted so.

    Args:
        source: Where the frames come from; closed with this one.
        flip: Mirror left and right, after turning.
        rotate: Degrees clockwise: 0, 90, 180 or 270.
    """

    def __init__(self, source: Source, *, flip: bool = False, rotate: int = 0) -> None:
        self._source = source
        self._flip = flip
        self._turn = _ROTATIONS.get(rotate)
        self.spec = source.spec
        self.live = source.live
        self.rate = source.rate
        width, height = source.size
        self.size = (height, width) if rotate in {90, 270} else (width, height)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the source's frames, turned."""
        for frame in self._source:
            yield replace(frame, image=self._oriented(frame.image))

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _oriented(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        turned = image if self._turn is None else cv2.rotate(image, self._turn)
        return np.asarray(cv2.flip(turned, 1) if self._flip else turned, np.uint8)


def open_source(
    spec: str | Path | int,
    *,
    size: tuple[int, int] | None = None,
    rate: float | None = None,
    flip: bool = False,
    rotate: int = 0,
    autofocus: bool = False,
    stall: float = 5.0,
    reopen: int | None = None,
) -> Source:
    """Open a camera, stream, clip or picture.

    Of a camera or stream the newest frame is handed out, and it is opened again when it stalls or
    breaks off: see `recovery.Recovering`.

    Args:
        spec: A picture file, a folder of pictures (in the order of their names) or a video file; a
            USB camera by number (0, "0", "usb:0") or path ("/dev/video0"); "picamera:0"; an RTSP or
            HTTP address; "auto" for the first camera that gives frames; "virtual:" for drawn faces.
        size: Width and height in pixels asked of a camera, before turning; it gives the nearest it
            has. 640 x 480 where not given. Files and streams keep their own.
        rate: Frames a second asked of a camera; of a folder, how fast its pictures follow one
            another. Video files and streams keep their own.
        flip: Mirror left and right.
        rotate: Degrees clockwise: 0, 90, 180 or 270.
        autofocus: Let a Pi camera that can focus (Camera Module 3) do so all the time.
        stall: Seconds without a frame after which a camera or stream is opened again.
        reopen: How many attempts in a row may be in vain before a camera or stream that is lost is
            an error; None for no limit, 0 for none.

    Raises:
        MissingFileError: There is no such file or folder.
        SourceError: A camera, stream or video doesn't open; the message says what was tried.
        DataError: A picture doesn't decode, or a folder holds none.
        UnknownNameError: There is no source of that kind.
        UsageError: An option lies outside its range.
    """
    if rotate not in {0, *_ROTATIONS}:
        raise UsageError(f"rotate is {rotate}; a picture can be turned by 0, 90, 180 or 270 degrees")
    if rate is not None and not 0 < rate <= 1000:
        raise UsageError(f"rate is {rate}; it lies between 0 and 1000 frames a second")
    if size is not None and min(size) < 1:
        raise UsageError(f"size is {size[0]} x {size[1]}; width and height are at least 1 pixel")
    kind, rest = parse_spec(spec)

    def opened() -> Source:
        source = _open(kind, rest, size=size, rate=rate, autofocus=autofocus)
        return Oriented(source, flip=flip, rotate=rotate) if flip or rotate else source

    if kind not in _WATCHED:
        return opened()
    from .recovery import Recovering

    return Recovering(opened, masked(str(spec)), stall=stall, reopen=reopen)


def masked(address: str) -> str:
    """Hide what may be secret in an address: a password before the @, and all behind a question mark."""
    return re.sub(r"\?.*", "?***", re.sub(r"(?<=/)([^/@:]*):[^/]*@", r"\1:***@", address))


def parse_spec(spec: str | Path | int) -> tuple[str, str]:
    """Divide what a user calls a source into its kind and the rest.

    Returns:
        "file", "usb", "picamera", "virtual", "stream" or "auto", and the path (file), device path
        (usb), number (picamera), address (stream) or the whole text (virtual).

    Raises:
        MissingFileError: It reads as a file, and there is none.
        UnknownNameError: It reads as "kind:...", and there is no such kind.
        UsageError: It is empty, or a camera's number is none.
    """
    text = str(spec)
    if text.startswith("/dev/video"):
        return "usb", text
    if not isinstance(spec, Path):
        if not text.strip():
            raise UsageError(f"the source is empty; it can be {FORMS}")
        if (named := _named(text)) is not None:
            return named
    if os.path.exists(text):  # noqa: PTH110  (Path.exists raises where a text can't be a path)
        return "file", text
    scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text)
    if scheme:
        raise unknown("source", scheme[0], [f"{name}:" for name in (*_CAMERAS, *_NETWORK)])
    raise MissingFileError(f"there is no file or folder {masked(text)!r}; a source can be {FORMS}")


def _named(text: str) -> tuple[str, str] | None:
    """Read a spec that is not a path; None where it must be one."""
    kind, _, rest = text.partition(":")
    if text == "auto":
        return "auto", ""
    if kind.lower() in _NETWORK and rest.startswith("//"):
        return "stream", text
    if kind == "virtual":
        return "virtual", f"virtual:{rest}"
    if _is_number(text):
        kind, rest = "usb", text
    if kind not in _CAMERAS:
        return None
    if kind == "usb" and rest.startswith("/dev/"):
        return "usb", rest
    if not _is_number(rest or "0"):
        raise UsageError(f"{text!r} names no camera; its number follows the colon, as in {kind}:0")
    number = int(rest or "0")
    return kind, f"/dev/video{number}" if kind == "usb" else str(number)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6


def _open(kind: str, rest: str, *, size: tuple[int, int] | None, rate: float | None, autofocus: bool) -> Source:
    # Imported here because they build on `Source`, and so that one kind costs nothing to the others.
    from . import cameras, clips

    if kind == "file":
        return clips.open_clip(rest, rate=rate)
    if kind == "usb":
        return cameras.UsbCamera(rest, size=size, rate=rate)
    if kind == "picamera":
        return cameras.PiCamera(int(rest), size=size, rate=rate, autofocus=autofocus)
    if kind == "stream":
        return cameras.Stream(rest)
    if kind == "auto":
        return cameras.open_any(size=size, rate=rate, autofocus=autofocus)
    from .virtual import VirtualCamera

    return VirtualCamera.from_spec(rest, size=size, rate=rate)
