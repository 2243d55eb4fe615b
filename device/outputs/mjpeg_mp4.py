"""A video of JPEG pictures in MP4, written with OpenCV alone; players show it, browsers don't.

`cv2.VideoWriter` can't write a file that stays playable when the program is killed: it never passes a
fragmentation option on to FFmpeg's MP4 writer (opencv/opencv issue 24570), and keeps quiet when the
disk is full. So a picture is encoded as JPEG, which every OpenCV can do, and written at once as a movie
fragment of its own: a reader needs nothing that only a clean end would have added.

Sources: ISO/IEC 14496-12 (boxes and movie fragments) and -1 (object type 0x6C, JPEG).
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from ...errors import OutputError
from ...models.growing import GrowingFile
from .picture_encoding import encoded

_DURATION = 20  # bytes from `mdhd` to it: the kind, version and flags, two dates, the time scale


class MjpegMp4:
    """A video file that is being written: one movie fragment for each picture, times in milliseconds.

    Args:
        file: Emptied when the first picture is encoded; left open.
        size: Width and height of every picture, in pixels.
        rate: Pictures a second, where time stamps don't say otherwise.

    Raises:
        OSError: From the constructor and every method: the file can't be written.
        OutputError: JPEG or MP4 hold no pictures of that size.
    """

    def __init__(self, file: GrowingFile, size: tuple[int, int], rate: float) -> None:
        if max(size) >= 1 << 16:
            raise OutputError(f"a video holds no pictures of {size[0]} x {size[1]}; name a picture or a folder")
        self.size = size
        self.rate = rate
        self.count = 0
        self.milliseconds = 0
        self._file = file

    def write(self, picture: NDArray[np.uint8], milliseconds: int) -> None:
        """Append a picture.

        Args:
            picture: uint8 [h, w, 3] BGR, `size` large.
            milliseconds: When it is shown, since the first one; later than the picture before.
        """
        data = self._fragment(encoded(picture, ".jpg"), milliseconds)
        if not self.count:
            self._file.cut(0)
            data = self._head() + data
        self._file.append(data)
        self.count += 1
        self.milliseconds = milliseconds

    def close(self) -> None:
        """Fill in what is only known at the end."""
        if self.count:
            milliseconds = struct.pack(">I", min(self.duration, 2**32 - 1))
            self._file.overwrite(self._length, _full(b"mehd", 0, milliseconds))
            # The standard has that box; FFmpeg reads the duration of the track, and sees by it what is cut off.
            self._file.overwrite(self._duration, milliseconds)

    @property
    def duration(self) -> int:
        """Length so far in milliseconds, the last picture shown for one frame time."""
        return self.milliseconds + self._step

    @property
    def _step(self) -> int:
        return max(1, round(1000 / self.rate))

    def _head(self) -> bytes:
        width, height = self.size
        matrix = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
        # Object type 0x6C is JPEG, stream type 4 is visual; buffer size and bit rates are left open.
        decoder = _descriptor(4, struct.pack(">BB3xII", 0x6C, 0x11, 0, 0))
        stream = _descriptor(3, struct.pack(">HB", 1, 0) + decoder + _descriptor(6, b"\x02"))
        entry = _box(
            b"mp4v",
            struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 72 << 16, 72 << 16, 0, 1, 24, -1),
            _full(b"esds", 0, stream),
        )
        empty = [_full(name, 0, bytes(n)) for name, n in ((b"stts", 4), (b"stsc", 4), (b"stsz", 8), (b"stco", 4))]
        media = _box(
            b"minf",
            _full(b"vmhd", 1, bytes(8)),
            _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1))),
            _box(b"stbl", _full(b"stsd", 0, struct.pack(">I", 1), entry), *empty),
        )
        track = _box(
            b"trak",
            _full(b"tkhd", 3, struct.pack(">8xI24x", 1), matrix, struct.pack(">II", width << 16, height << 16)),
            _box(
                b"mdia",
                _full(b"mdhd", 0, struct.pack(">8xIIHH", 1000, 0, 0x55C4, 0)),
                _full(b"hdlr", 0, struct.pack(">I4s12x", 0, b"vide"), b"\0"),
                media,
            ),
        )
        movie = _full(b"mvhd", 0, struct.pack(">8xIIIH10x", 1000, 0, 1 << 16, 0), matrix, struct.pack(">24xI", 2))
        defaults = _full(b"trex", 0, struct.pack(">5I", 1, 1, self._step, 0, 0))
        # The length becomes a `mehd` box when it is known; until then its place is free.
        length = _box(b"free", bytes(8))
        head = _box(b"ftyp", b"iso5", struct.pack(">I", 0), b"iso5iso6mp41")
        head += _box(b"moov", movie, track, _box(b"mvex", length, defaults))
        self._length, self._duration = head.rindex(length), head.index(b"mdhd") + _DURATION
        return head

    def _fragment(self, jpeg: bytes, milliseconds: int) -> bytes:
        def boxes(offset: int) -> bytes:
            run = struct.pack(">IiII", 1, offset, self._step, len(jpeg))
            return _box(
                b"moof",
                _full(b"mfhd", 0, struct.pack(">I", self.count + 1)),
                _box(
                    b"traf",
                    _full(b"tfhd", 0x20000, struct.pack(">I", 1)),
                    _full(b"tfdt", 1 << 24, struct.pack(">Q", milliseconds)),
                    _full(b"trun", 0x301, run),
                ),
            )

        return boxes(len(boxes(0)) + 8) + _box(b"mdat", jpeg)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full(kind: bytes, version_and_flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version_and_flags), *parts)


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body
