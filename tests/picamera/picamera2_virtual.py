"""Picamera2 itself, made to run on libcamera's virtual pipeline instead of a Pi's.

Importing this puts a `Picamera2` that differs in two ways into the module `picamera2`: frames lie in memory
that libcamera allocates, and the camera has no raw modes. Packages which Picamera2 imports for displays
and raw files, and which need a Pi or a compiler, are stand-ins without content.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

STAND_INS = {
    "pykms": ["PixelFormat"],
    "prctl": [],
    "pidng": [],
    "pidng.camdefs": ["Picamera2Camera"],
    "pidng.core": ["PICAM2DNG"],
}


class _Anything:
    def __getattr__(self, name: str) -> None:
        return None


for _name, _contents in STAND_INS.items():
    sys.modules[_name] = ModuleType(_name)
    for _content in _contents:
        setattr(sys.modules[_name], _content, _Anything)
sys.modules["pykms"].PixelFormat = _Anything()  # type: ignore[attr-defined]

# Only Debian and Raspberry Pi OS have these.
import libcamera  # type: ignore[import-not-found]  # noqa: E402
import picamera2  # type: ignore[import-not-found]  # noqa: E402
from picamera2.allocators import Allocator, LibcameraAllocator  # type: ignore[import-not-found]  # noqa: E402


class Picamera2(picamera2.Picamera2):
    """Picamera2 on the virtual pipeline."""

    def __init__(self, camera_num: int = 0) -> None:
        super().__init__(camera_num, allocator=Allocator())
        self.allocator = LibcameraAllocator(self.camera)

    def _get_raw_modes(self) -> list[dict[str, Any]]:
        formats = self.camera.generate_configuration([libcamera.StreamRole.Viewfinder]).at(0).formats
        return [
            {"format": str(form), "size": (size.width, size.height)}
            for form in formats.pixel_formats
            for size in formats.sizes(form)
        ]


picamera2.Picamera2 = Picamera2
