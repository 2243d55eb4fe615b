"""Results as JPEG pictures, with the people in them shown or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from ...models.preprocess import to_bgr
from ..outputs.drawing import annotate
from ..outputs.picture_encoding import encoded
from ..types import FrameResult

Shown = Literal["full", "blur", "none"]
"""What the live page shows of the picture: all, colours without anybody's features, or nothing."""

SHOWN: tuple[Shown, ...] = get_args(Shown)

# People tell faces that they know apart from about 7 x 10 values on (Sinha and others, "Face Recognition by Humans",
# Proc. IEEE 94, 2006). A face that fills the whole picture has 8 x 6 left.
_CELLS = 8


def jpeg(result: FrameResult, picture: Shown) -> bytes:
    """Draw the faces of a result and encode the picture; without a picture it is empty.

    Args:
        result: What was seen.
        picture: With "blur" the whole frame is blurred before boxes and labels are drawn, so that a face that was
            not found does not show either.
    """
    if picture == "none":
        return b""
    if picture == "blur":
        result = replace(result, frame=replace(result.frame, image=blurred(to_bgr(result.frame.image))))
    return encoded(annotate(result), ".jpg")


def blurred(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Keep the mean colours of 8 cells from left to right and as high as wide; uint8 BGR, as large as `image`."""
    height, width = image.shape[:2]
    cells = min(_CELLS, width), min(max(1, round(_CELLS * height / width)), height, _CELLS)
    small = cv2.resize(image, cells, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
