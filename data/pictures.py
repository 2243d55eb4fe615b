"""Pictures of faces, made grey and of one size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..models.pictures import read_picture
from ..models.preprocess import to_grey, to_size

SIZE = 48


def read_grey(path: str | Path, size: int = SIZE) -> NDArray[np.uint8]:
    """Read one picture as grey uint8 [size, size].

    Raises:
        MissingFileError: There is no such file, or it can't be read.
        DataError: The file does not decode as a picture.
    """
    return to_size(to_grey(read_picture(path)), (size, size))
