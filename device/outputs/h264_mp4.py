"""An H.264 video in MP4, which browsers play, encoded by x264 through PyAV.

Every picture is a movie fragment of its own, and every fragment is handed to the system at once, so that
`kill -9` costs no more than the last picture: its fragment is written when the next one tells how long it
is shown.

Importing this module raises ImportError where PyAV is missing or was built without x264.
"""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from ...errors import OutputError, RuntimeMissingError
from ...models.growing import GrowingFile

if "libx264" not in av.codecs_available:
    raise RuntimeMissingError("this build of PyAV has no libx264")

_MILLISECOND = Fraction(1, 1000)

_MUXER = {"movflags": "frag_every_frame+empty_moov+default_base_moof+skip_trailer", "flush_packets": "1"}
"""Fragments from the first picture on, and no index at the end, which would grow in memory."""

_ENCODER = {
    # The cost of a picture must be small beside finding its faces, on one core of a Raspberry Pi.
    "preset": "veryfast",
    # A packet for every picture, with nothing held back to look ahead.
    "tune": "zerolatency",
    "threads": "1",
    # As OpenCV converts: ITU-R BT.601, 16 to 235.
    "colorspace": "smpte170m",
    "color_range": "tv",
}


class H264Mp4:
    """A video file that is being written, times in milliseconds.

    4:2:0 pixels come in pairs: a picture of odd width or height repeats its last column or row.

    Args:
        file: Emptied when the first picture is encoded; left open.
        size: Width and height of every picture, in pixels.
        rate: Pictures a second, where time stamps don't say otherwise.

    Raises:
        OSError: From the constructor and every method: the file can't be written.
        OutputError: From `write`: x264 takes no pictures of that size.
    """

    def __init__(self, file: GrowingFile, size: tuple[int, int], rate: float) -> None:
        self.size = size
        self.count = 0
        self.milliseconds = 0
        self._step = max(1, round(1000 / rate))  # milliseconds that the last picture is shown
        self._head = b""
        self._muxed = _Muxed()
        self._file = file
        self._ended = False
        self._container = av.open(self._muxed, "w", format="mp4", container_options=_MUXER)
        every = str(max(1, round(2 * rate)))  # pictures from one that decodes alone to the next: 2 s
        pictures = max(_MILLISECOND, Fraction(rate).limit_denominator(1000))
        self._stream = self._container.add_stream("libx264", pictures, options={**_ENCODER, "g": every})
        self._stream.width, self._stream.height = (side + side % 2 for side in size)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _MILLISECOND
        self._stream.codec_context.sample_aspect_ratio = Fraction(1)

    def write(self, picture: NDArray[np.uint8], milliseconds: int) -> None:
        """Append a picture.

        Args:
            picture: uint8 [h, w, 3] BGR, `size` large.
            milliseconds: When it is shown, since the first one; later than the picture before.
        """
        width, height = self.size
        if width % 2 or height % 2:
            picture = np.asarray(
                cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8
            )
        yuv = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        frame.pts, frame.time_base = milliseconds, _MILLISECOND
        try:
            self._container.mux(self._stream.encode(frame))
        except FFmpegError as error:
            message = f"a video holds no pictures of {width} x {height} ({error.strerror}); name a picture or a folder"
            raise OutputError(message) from error
        if not self.count:
            self._file.cut(0)
        self._append()
        self.count += 1
        self.milliseconds = milliseconds

    def close(self) -> None:
        """Write the last picture; more calls do nothing."""
        if not self.count or self._ended:
            return
        self._ended = True
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._append()
        # FFmpeg reads the duration of the track, and sees by it what is cut off.
        place = self._head.index(b"mdhd") + 16  # behind the kind, version and flags, and two dates
        (scale,) = struct.unpack_from(">I", self._head, place)
        duration = (self.milliseconds + self._step) * scale // 1000
        self._file.overwrite(place + 4, struct.pack(">I", min(duration, 2**32 - 1)))

    def _append(self) -> None:
        data = self._muxed.take()
        self._head = self._head or data
        try:
            self._file.append(data)
        except BaseException:
            # The pictures that follow a lost one would show its differences to nothing.
            self._ended = True
            raise


class _Muxed:
    """Collects what the muxer writes, so that a fragment goes to the file whole or not at all."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data
