"""Opening a source by its name."""

from __future__ import annotations

from pathlib import Path

from ...errors import UsageError, check_range
from .base import Source, check_size
from .orientation import ROTATIONS, Oriented
from .spec import masked, parse_spec

_WATCHED = ("usb", "picamera", "stream", "auto")


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
    wait: bool = False,
) -> Source:
    """Open a camera, stream, clip or picture.

    Of a camera or stream the newest frame is handed out, and it is opened again when it stalls or
    breaks off: see `recovery.Recovering`.

    Args:
        spec: A picture file, a folder of pictures and clips (in the order of their names) or a video file; a
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
        wait: Return at once; a camera or stream that is not there yet is waited for while it is read.

    Raises:
        MissingFileError: There is no such file or folder.
        SourceError: A camera, stream or video doesn't open; the message says what was tried.
        DataError: A picture doesn't decode, or a folder holds none.
        UnknownNameError: There is no source of that kind.
        UsageError: An option lies outside its range.
    """
    if rotate not in (0, *ROTATIONS):
        raise UsageError(f"rotate is {rotate!r}; a picture can be turned by 0, 90, 180 or 270 degrees")
    if rate is not None:
        check_range("rate", rate, 0.001, 1000, "frames a second")
    if size is not None:
        check_size(size)
    kind, rest = parse_spec(spec)

    def opened() -> Source:
        source = _open(kind, rest, size=size, rate=rate, autofocus=autofocus)
        return Oriented(source, flip=flip, rotate=rotate) if flip or rotate else source

    if kind not in _WATCHED:
        return opened()
    from .cameras import patience_of_any
    from .recovery import OPENING, Recovering

    opening = patience_of_any if kind == "auto" else lambda: OPENING
    return Recovering(opened, masked(str(spec)), stall=stall, reopen=reopen, absent=wait, opening=opening)


def _open(kind: str, rest: str, *, size: tuple[int, int] | None, rate: float | None, autofocus: bool) -> Source:
    # Imported here because they build on `Source`, and so that one kind costs nothing to the others.
    from . import cameras

    if kind == "file":
        from .files import open_file

        return open_file(rest, rate=rate)
    if kind == "usb":
        return cameras.UsbCamera(rest, size=size, rate=rate)
    if kind == "picamera":
        return cameras.PiCamera(int(rest), size=size, rate=rate, autofocus=autofocus)
    if kind == "stream":
        from .streams import open_stream

        return open_stream(rest)
    if kind == "auto":
        return cameras.open_any(size=size, rate=rate, autofocus=autofocus)
    from .virtual import VirtualCamera

    return VirtualCamera.from_spec(rest, size=size, rate=rate)
