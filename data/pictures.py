"""Pictures of faces, made grey and of one size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..models.preprocess import to_grey, to_size

SIZE = 48


def read_grey(path: str | Path, size: int = SIZE) -> NDArray[np.uint8]:
    """Read one picture as grey uint8 [size, size].

    Raises:
        DataError: The file does not decode as a picture.
    """
    picture = cv2.imread(str(path))
    if picture is None:
        raise DataError(f"{path} does not decode as a picture; replace or remove it")
    return to_size(to_grey(np.asarray(picture, np.uint8)), (size, size))
