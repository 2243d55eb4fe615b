"""Frames from cameras: USB (V4L2) and the Raspberry Pi's own (Picamera2)."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import SourceError
from ..types import Frame
from .base import Source
from .handles import Handle, next_image, open_capture, stated_rate

DEFAULT_SIZE = (640, 480)
"""What is asked of a camera where the user names no size: nearly every one has it."""

_CAPTURE_TIMEOUT, _CAPTURE_SLICE = 10.0, 0.1  # seconds
_NO_PICTURE, _PAUSE = 1.5, 0.01  # seconds; so that one damaged picture of a camera of 1 frame a second is no loss
_log = logging.getLogger(__name__)

_AF_CONTINUOUS = 2  # libcamera's AfModeEnum.Continuous

# Picamera2's names of formats, and what makes BGR of them.
_TO_BGR: dict[str, int | None] = {
    "RGB888": None,
    "BGR888": cv2.COLOR_RGB2BGR,
    "XRGB8888": cv2.COLOR_BGRA2BGR,
    "XBGR8888": cv2.COLOR_RGBA2BGR,
    "NV12": cv2.COLOR_YUV2BGR_NV12,
    "YUV420": cv2.COLOR_YUV2BGR_I420,
    "YUYV": cv2.COLOR_YUV2BGR_YUYV,
    "MJPEG": cv2.COLOR_RGB2BGR,  # which Picamera2 decodes
}


class Camera(Source):
    """Base of the live sources: numbers the frames and raises when the device breaks off.

    A damaged picture is passed over and counted. A driver reports it as it reports a loss; so the device
    counts as lost when no picture decoded for a second and a half.

    A subclass opens its device, sets `spec`, `size` and `rate`, and hands over a `Handle` and the
    picture that it read to find out whether the device works.
    """

    live = True
    lost = "it was unplugged, or something else took it"
    """Why such a source usually breaks off, and so what to look at."""

    def _begin(self, handle: Handle[NDArray[np.uint8]]) -> None:
        """Take over the device and read the first picture, which gives `size`.

        Raises:
            SourceError: None came.
        """
        self._handle = handle
        self._index = 0
        try:
            self._first = self._take()
        except SourceError:
            handle.close()
            raise
        if self._first is None:
            handle.close()
            raise SourceError(f"{self.spec} opens but gives no picture; {self.lost}")
        self.size = (self._first.image.shape[1], self._first.image.shape[0])

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames until `close`.

        Raises:
            SourceError: The device or stream stopped.
        """
        frame, self._first = self._first, None
        if frame is None:
            frame = self._take()
        while frame is not None and not self._handle.closed:
            yield frame
            frame = self._take()
        if not self._handle.closed:
            raise SourceError(f"{self.spec} broke off after {self._index} frames; {self.lost}")

    def close(self) -> None:
        """Switch the camera off or leave the stream."""
        self._handle.close()

    def _take(self) -> Frame | None:
        """Wait for the next frame that decodes; None when the source stopped."""
        start, damaged = time.monotonic(), 0
        while (image := self._handle.read()) is None:
            if self._handle.closed or time.monotonic() - start > _NO_PICTURE:
                return None
            damaged += 1
            time.sleep(_PAUSE)
        self.damaged += damaged
        frame = Frame(image, self._index, time.monotonic())
        self._index += 1
        return frame


class UsbCamera(Camera):
    """A camera that Linux knows as /dev/video*, through V4L2.

    MJPG is asked for, because uncompressed pictures larger than 640 x 480 fill a USB 2 line at a few
    frames a second. A camera without MJPG gives what it has; OpenCV makes BGR of either.

    Args:
        device: Path of the device.
        size: Width and height asked for.
        rate: Frames a second asked for.

    Raises:
        SourceError: It doesn't open or gives no picture; with the cameras there are and the remedy.
    """

    def __init__(self, device: str, *, size: tuple[int, int] | None = None, rate: float | None = None) -> None:
        self.spec = device
        width, height = size or DEFAULT_SIZE
        # The format first: the sizes and rates to choose from depend on it.
        options = [cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")]
        options += [cv2.CAP_PROP_FRAME_WIDTH, width, cv2.CAP_PROP_FRAME_HEIGHT, height]
        if rate is not None:
            options += [cv2.CAP_PROP_FPS, round(rate)]
        capture = open_capture(device, cv2.CAP_V4L2, options)
        if capture is None:
            raise SourceError(f"camera {device} does not open: {_reason(device)}")
        self.rate = stated_rate(capture) or rate
        self._begin(capture_handle(capture))


class PiCamera(Camera):
    """The Raspberry Pi's own camera, through Picamera2, which is imported only here.

    One main stream of 640 x 480 in "RGB888". Picamera2 names formats as DRM does, from the highest
    byte of a little-endian word down, so the bytes of "RGB888" lie in memory as B, G, R: what OpenCV
    calls BGR ("The Picamera2 Library", appendix A). The format called "BGR888" would swap red and
    blue. A camera that has no RGB888 gives what it has, and libcamera says which: it is converted.
    640 x 480 because faces are looked for in 320 pixels of width and cut out of the whole frame:
    larger frames cost memory bandwidth, and pay only where faces are small.

    Args:
        number: Place among the cameras that libcamera lists.
        size: Width and height asked for; Picamera2 wants even ones and may align them.
        rate: Frames a second asked for.
        autofocus: Focus all the time, where the lens can be moved (Camera Module 3).

    Raises:
        SourceError: Picamera2 isn't installed or doesn't load, or the camera doesn't open.
    """

    lost = "check the ribbon cable, and `dmesg` for errors of the camera"

    def __init__(
        self,
        number: int = 0,
        *,
        size: tuple[int, int] | None = None,
        rate: float | None = None,
        autofocus: bool = False,
    ) -> None:
        self.spec = f"picamera:{number}"
        library = _picamera2()
        width, height = size or DEFAULT_SIZE
        main = {"format": "RGB888", "size": (width // 2 * 2, height // 2 * 2)}
        controls: dict[str, float] = {} if rate is None else {"FrameRate": rate}
        camera = None
        # libcamera's own errors come as several builtin kinds.
        try:
            names = [str(info.get("Model", "?")) for info in library.global_camera_info()]
            if number >= len(names):
                raise SourceError(
                    f"there is no camera {number} at the Pi's connectors "
                    f"(found: {', '.join(names) or 'none'}); "
                    "check the ribbon cable, and see `rpicam-hello --list-cameras`"
                )
            camera = library(number)
            if autofocus and "AfMode" in camera.camera_controls:
                controls["AfMode"] = _AF_CONTINUOUS
            camera.configure(camera.create_video_configuration(main=main, controls=controls))
            given = camera.camera_configuration()["main"]
            if given["format"] not in _TO_BGR:
                raise SourceError(
                    f"{self.spec} gives pictures in {given['format']}; ferlite reads {', '.join(_TO_BGR)}"
                )
            camera.start()
        except Exception as error:
            if camera is not None:
                camera.close()
            if isinstance(error, SourceError):
                raise
            raise SourceError(
                f"{self.spec} does not open: {error}; another program may be using it "
                "(see `rpicam-hello --list-cameras`)"
            ) from error
        self.rate = rate
        self._camera = camera
        self._width, self._convert = given["size"][0], _TO_BGR[given["format"]]
        self._begin(Handle(self._capture, camera.close))

    def _capture(self) -> NDArray[np.uint8] | None:
        try:
            image = self._wait()
            if image is None or self._convert is None:
                return image
            # Rows of YUV420 are padded; cut off afterwards, because its planes lie below one another.
            return np.ascontiguousarray(cv2.cvtColor(image, self._convert)[:, : self._width], np.uint8)
        except Exception as error:
            raise SourceError(f"{self.spec} broke off: {error}; {self.lost}") from error

    def _wait(self) -> NDArray[np.uint8] | None:
        """Wait for a picture as the camera gives it, in slices: a camera that hangs must be closed all the same."""
        done = threading.Event()
        job = self._camera.capture_array("main", wait=False, signal_function=lambda job: done.set())
        for _ in range(round(_CAPTURE_TIMEOUT / _CAPTURE_SLICE)):
            if done.wait(_CAPTURE_SLICE):
                return np.asarray(self._camera.wait(job), np.uint8)
            if self._handle.closed:
                return None
        raise TimeoutError(f"no picture for {_CAPTURE_TIMEOUT:g} s")


def open_any(*, size: tuple[int, int] | None = None, rate: float | None = None, autofocus: bool = False) -> Camera:
    """Open the Raspberry Pi's camera where there is one, or else the first USB camera that gives a picture.

    Raises:
        SourceError: No camera does; the message lists each that was tried, and why not.
    """
    tried: list[str] = []
    try:
        return PiCamera(0, size=size, rate=rate, autofocus=autofocus)
    except SourceError as error:
        tried.append(f"picamera:0: {error}")
        _log.info("auto: %s", tried[-1])
    for device in video_devices():
        try:
            return UsbCamera(device, size=size, rate=rate)
        except SourceError as error:
            tried.append(f"{device}: {error}")
            # A dead device takes 10 seconds: it is named at once.
            _log.warning("auto: %s", tried[-1])
    if len(tried) == 1:
        tried.append("USB: there is no /dev/video*")
    raise SourceError("no camera was found; tried\n  " + "\n  ".join(tried))


def patience_of_any() -> float:
    """Return the seconds in which `open_any` has tried every camera: 30, and 15 more for each USB device."""
    return 30.0 + 15.0 * len(video_devices())


def video_devices() -> list[str]:
    """Return the paths /dev/video* in the order of their numbers."""
    paths = [p for p in Path("/dev").glob("video*") if p.name[5:].isdecimal()]
    return [str(p) for p in sorted(paths, key=lambda p: int(p.name[5:]))]


def capture_handle(capture: cv2.VideoCapture) -> Handle[NDArray[np.uint8]]:
    """Make a handle that reads pictures, uint8 [h, w, 3] BGR."""
    return Handle(lambda: next_image(capture), capture.release)


def _reason(device: str) -> str:
    """Say why a V4L2 device doesn't open, and what to do."""
    present = ", ".join(video_devices()) or "none"
    if not Path(device).exists():
        return f"there is no such device (present: {present}); plug the camera in, or name another"
    if not os.access(device, os.R_OK | os.W_OK):
        return "no permission; run `sudo usermod -aG video $USER`, then log out and in again"
    return f"it is in use by another program (see `fuser {device}`), or no capture device (present: {present})"


def _picamera2() -> Any:
    """Import the class Picamera2."""
    try:
        from picamera2 import Picamera2  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        raise SourceError(
            f"Picamera2 is not installed ({error}); run `sudo apt install -y python3-picamera2 "
            "--no-install-recommends`, and make the environment with `python3 -m venv --system-site-packages`"
        ) from error
    except Exception as error:
        # Built against another numpy, it raises ValueError; without its system libraries, OSError.
        raise SourceError(
            f"Picamera2 does not load: {error}; its packages and this environment's numpy must fit: "
            "on Raspberry Pi OS Bookworm numpy<2"
        ) from error
    return Picamera2
