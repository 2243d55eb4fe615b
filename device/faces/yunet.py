"""YuNet: its input picture, and the boxes in its outputs.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ...models.preprocess import shrunk, to_bgr
from .boxes import nms

DETECTOR_SIZE = (256, 320)
"""Height and width of YuNet's input picture."""

_STRIDES = (8, 16, 32)
_MOST_BOXES = 512  # the best ones; bounds time and memory where nearly every place scores


def fit(
    image: NDArray[np.uint8], picture: NDArray[np.uint8] | None = None, roll: float = 0.0
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Scale a picture to fit YuNet's input; the rest, to the right or below, is black.

    Args:
        image: uint8 [h, w, 3] BGR, [h, w] grey or [h, w, 4] BGRA, of any size.
        picture: uint8 [256, 320, 3] to write to; a new one if None.
        roll: Degrees by which to turn it clockwise about the middle of the image.

    Returns:
        uint8 [256, 320, 3] RGB, and how many pixels of `image` one of its pixels is across and down.

    Raises:
        DataError: The picture has another shape or dtype, or no pixels.
    """
    image = to_bgr(image)
    height, width = image.shape[:2]
    factor = min(DETECTOR_SIZE[0] / height, DETECTOR_SIZE[1] / width)
    high, wide = max(1, round(height * factor)), max(1, round(width * factor))
    if factor < 1 / 4:
        # Averaging all pixels of a large frame takes longer than the network; sixteen for each pixel are enough.
        image = np.asarray(cv2.resize(image, (4 * wide, 4 * high), interpolation=cv2.INTER_NEAREST), np.uint8)
    if picture is None:
        picture = np.empty((*DETECTOR_SIZE, 3), np.uint8)
    cv2.cvtColor(shrunk(image, wide, high), cv2.COLOR_BGR2RGB, dst=picture[:high, :wide])
    picture[high:] = 0
    picture[:, wide:] = 0
    if roll:
        turn = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), -roll, 1)
        picture = np.asarray(cv2.warpAffine(picture, turn, DETECTOR_SIZE[::-1]), np.uint8)
    return picture, (width / wide, height / high)


def decode(outputs: list[NDArray[np.float32]], score: float) -> NDArray[np.float32]:
    """Read boxes from YuNet's outputs.

    Args:
        outputs: Class and object probabilities [1, n, 1] and box offsets [1, n, 4], each for the
            strides 8, 16 and 32, in any order.
        score: Lowest score of a box, 0 to 1.

    Returns:
        float32 [n, 5], largest first: x, y, width and height in pixels of the 320 x 256 picture, and the
        score. No two overlap much.
    """
    # By width and then by stride. Of a score's two factors either may come first.
    parts = sorted(outputs, key=lambda out: (out.shape[-1], -out.shape[1]))
    found = []
    for stride, one, other, offsets in zip(_STRIDES, parts[:6:2], parts[1:6:2], parts[6:], strict=True):
        scores = (one * other).ravel()
        # Few places score: for these, Python's own numbers are faster than numpy's arrays.
        for place in (scores > score**2).nonzero()[0].tolist():
            row, column = divmod(place, DETECTOR_SIZE[1] // stride)
            across, down, wide, high = offsets[0, place].tolist()
            width, height = stride * math.exp(wide), stride * math.exp(high)
            x, y = stride * (column + across) - width / 2, stride * (row + down) - height / 2
            found.append((x, y, width, height, math.sqrt(scores[place])))
    kept = nms(sorted(found, key=lambda box: -box[4])[:_MOST_BOXES])
    kept.sort(key=lambda box: -box[2] * box[3])
    return np.array(kept, np.float32).reshape(-1, 5)
