"""Pictures as bytes of a file format."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import OutputError

_JPEG_QUALITY = 85


def encoded(picture: NDArray[np.uint8], suffix: str) -> bytes:
    """Encode a picture, uint8 BGR [h, w, 3], in the format of a file suffix such as .jpg.

    Raises:
        OutputError: The format can't hold a picture of that size.
    """
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if suffix.lower() in (".jpg", ".jpeg") else []
    good, data = cv2.imencode(suffix, picture, quality)
    if not good:
        raise OutputError(f"a picture of {picture.shape[1]} x {picture.shape[0]} does not fit in {suffix}; use .png")
    return data.tobytes()
