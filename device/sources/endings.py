"""Whether a video file ends before its container says it does."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_PACKET = 188  # bytes of MPEG-TS, of which the first is G
_UNSTATED = (0, 0xFFFFFFFF)  # what a recorder of RIFF leaves when it is killed


def cut_off(path: Path) -> bool:
    """Return whether bytes are missing at the end of a file.

    FFmpeg calls no missing end an error, and counts the frames of a GIF or of MP4 in fragments by reading what
    is there. The end that MP4, GIF, AVI, Matroska (WebM), JPEG and packets of MPEG-TS state is compared; of
    other formats, and of a recording that was killed before it knew its end, nothing is known: False.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(_PACKET + 1)
            file.seek(0)
            for place, mark, check in _FORMATS:
                if start.startswith(mark, place):
                    return check(file, size)
            return start[::_PACKET] == b"GG" and size % _PACKET != 0
    except (OSError, OverflowError):  # it was removed, or what it states is no place in a file
        return False


def _mp4(file: BinaryIO, size: int) -> bool:
    """Follow the boxes (ISO/IEC 14496-12, 4.2)."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        length, kind, long = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
        length = long if length == 1 else length
        if length < 8:  # the last box, or padding behind it
            return False
        place += length
        if place > size:
            return kind in {b"moov", b"moof", b"mdat"}
    return False


def _gif(file: BinaryIO, size: int) -> bool:
    """Follow the blocks (GIF89a, appendix A); some encoders leave out the trailer behind them."""
    _skip_colours(file, file.read(13)[10:11])
    while (kind := file.read(1)) in {b"!", b","}:
        if kind == b",":
            _skip_colours(file, file.read(9)[8:9])
        file.seek(1, os.SEEK_CUR)
        while (length := file.read(1)) > b"\0":
            file.seek(length[0], os.SEEK_CUR)
        if not length:
            return True
    return False


def _skip_colours(file: BinaryIO, flags: bytes) -> None:
    if flags >= b"\x80":
        file.seek(3 << ((flags[0] & 7) + 1), os.SEEK_CUR)


def _jpeg(file: BinaryIO, size: int) -> bool:
    """Look for the end marker, which pixels never hold (ISO/IEC 10918-1, B.1.1.5); programs add their own behind it."""
    file.seek(max(0, size - 65536))
    return b"\xff\xd9" not in file.read()


def _riff(file: BinaryIO, size: int) -> bool:
    """Follow the RIFF chunks; AVI begins another one after each gigabyte."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF" or length in _UNSTATED:
            return False
        place += 8 + length + length % 2
    return place > size + 1


def _matroska(file: BinaryIO, size: int) -> bool:
    """Read the length of the segment, which follows the EBML head (RFC 9559)."""
    file.seek(4)
    file.seek(_length(file) or 0, os.SEEK_CUR)
    if file.read(4) != b"\x18\x53\x80\x67":
        return False
    length = _length(file)
    return length is not None and file.tell() + length > size


def _length(file: BinaryIO) -> int | None:
    """Read an element's length (RFC 8794, 6); None where it is not known."""
    first = file.read(1).ljust(1, b"\0")[0]
    more = 8 - first.bit_length()  # bytes that follow
    bits = 7 * (more + 1)
    value = int.from_bytes(bytes([first]) + file.read(more), "big") & (1 << bits) - 1
    return None if value == (1 << bits) - 1 or more > 7 else value


_FORMATS = (
    *((4, kind, _mp4) for kind in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")),
    (0, b"GIF8", _gif),
    (0, b"RIFF", _riff),
    (0, b"\x1a\x45\xdf\xa3", _matroska),
    (0, b"\xff\xd8\xff", _jpeg),
)
"""Where in a file which bytes stand, and what then finds its end."""
