"""Reading single pictures, whatever their files are called."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .files import read_bytes


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture as uint8 [h, w, 3] BGR, upright by its EXIF orientation.

    The file is read here and decoded from memory: OpenCV ends the process on a path that is not UTF-8.

    Raises:
        MissingFileError: There is no such file, or it can't be read.
        DataError: The file does not decode as a picture.
    """
    data = np.frombuffer(read_bytes(path), np.uint8)
    # OpenCV raises an error of its own for no bytes at all.
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if picture is None:
        raise DataError(f"{path} does not decode as a picture; replace or remove it")
    return np.asarray(picture, np.uint8)
