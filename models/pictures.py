"""Reading single pictures, whatever their files are called."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .files import read_bytes
from .native_log import muted_stderr

_ORIENTATION = 274  # TIFF's tag
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # of orientations, after turning over the diagonal from 5 on


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture as uint8 [h, w, 3] BGR, upright by its EXIF or TIFF orientation.

    The file is read here and decoded from memory: OpenCV ends the process on a path that is not UTF-8.

    Raises:
        MissingFileError: There is no such file, or it can't be read.
        DataError: The file does not decode as a whole picture, or is too large.
    """
    data = bytearray(read_bytes(path))
    orientation = _take_orientation(data)
    picture, remedy = None, "it is damaged, cut off, or no picture; replace or remove it"
    try:
        # OpenCV raises an error of its own for no bytes at all.
        if data:
            with muted_stderr():
                picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        if "CV_IO_MAX_IMAGE" in str(error):
            remedy = "it has more pixels than OpenCV reads; make it smaller"
    if picture is None:
        raise DataError(f"{path} does not decode as a picture: {remedy}")
    if orientation >= 5:
        picture = cv2.transpose(picture)
    if orientation in _FLIPS:
        picture = cv2.flip(picture, _FLIPS[orientation])
    return np.asarray(picture, np.uint8)


def _take_orientation(data: bytearray) -> int:
    """Return the orientation of a TIFF's first page, 1 to 8, and set it to 1; 1 for any other file.

    OpenCV (4.11 to 5.0) mirrors each tile of a tiled TIFF, and leaves the tiles where they are.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[:4]))
    if order is None:
        return 1
    try:
        (page,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, page)
        for entry in range(page + 2, page + 2 + 12 * count, 12):
            tag, value = struct.unpack_from(f"{order}H6xH", data, entry)
            if tag == _ORIENTATION and 1 <= value <= 8:
                struct.pack_into(f"{order}H", data, entry + 8, 1)
                return value
    except struct.error:  # cut off
        pass
    return 1
