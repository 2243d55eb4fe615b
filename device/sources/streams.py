"""Frames from RTSP and HTTP addresses, read by FFmpeg."""

from __future__ import annotations

import cv2

from ...errors import SourceError
from .base import Source
from .cameras import Camera, capture_handle
from .clips import Clip
from .handles import open_capture, stated_frames, stated_rate
from .spec import masked

_TIMEOUT_MS = 8000


def open_stream(url: str) -> Source:
    """Open an address; a dead one is an error after 8 seconds.

    A container that states how many frames it holds is a clip: none of them is lost, and they carry its
    times. Whatever states none is taken for live.

    Args:
        url: The address; a password in it is never shown.

    Raises:
        SourceError: The address doesn't answer with a video, or no picture comes.
    """
    spec = masked(url)
    options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _TIMEOUT_MS]
    capture = open_capture(url, cv2.CAP_FFMPEG, options)
    if capture is None:
        raise SourceError(
            f"{spec} does not open as a video stream, or not within {_TIMEOUT_MS // 1000} s; "
            "check the address, user and password, and that the sender runs"
        )
    return Clip(spec, capture) if stated_frames(capture) else Stream(spec, capture)


class Stream(Camera):
    """A live stream.

    Args:
        spec: Its address, with secrets masked.
        capture: The open stream; released with this source.

    Raises:
        SourceError: No picture comes.
    """

    lost = "the sender stopped, or the network did"

    def __init__(self, spec: str, capture: cv2.VideoCapture) -> None:
        self.spec = spec
        self.rate = stated_rate(capture)
        self._begin(capture_handle(capture))
