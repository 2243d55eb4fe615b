"""YuNet: what it is shown, and where its outputs say that faces are.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..models.preprocess import shrunk, to_bgr

DETECTOR_SIZE = (256, 320)
"""Height and width of the picture that YuNet looks at."""

_STRIDES = (8, 16, 32)
_MOST_BOXES = 512  # the best ones; bounds time and memory where nearly every place scores
_MAX_OVERLAP = 0.3  # of two boxes, intersection over union; the value of OpenCV's YuNet demo


def fit(
    image: NDArray[np.uint8], picture: NDArray[np.uint8] | None = None, roll: float = 0.0
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Make the picture that YuNet looks at: as large as fits, black to the right or below.

    Args:
        image: uint8 [h, w, 3] BGR, [h, w] grey or [h, w, 4] BGRA, of any size.
        picture: uint8 [256, 320, 3] to write to; a new one if None.
        roll: Degrees by which to turn it with the clock, about the middle of the image; black beyond.

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
        # To average all pixels of a large frame takes longer than the network; sixteen for one will do.
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
    scores = np.concatenate([(a * b).ravel() for a, b in zip(parts[:6:2], parts[1:6:2], strict=True)])
    (places,) = (scores > score**2).nonzero()
    if not places.size:
        return np.empty((0, 5), np.float32)
    offsets = np.concatenate([part[0] for part in parts[6:]])[places]
    anchors = _ANCHORS[places]
    stride = anchors[:, 2:]
    found = np.empty((len(places), 5), np.float32)
    found[:, 2:4] = np.exp(offsets[:, 2:]) * stride
    found[:, :2] = (anchors[:, :2] + offsets[:, :2]) * stride - found[:, 2:4] / 2
    found[:, 4] = np.sqrt(scores[places])
    found = found[_distinct(found)]
    return found[np.argsort(-found[:, 2] * found[:, 3], kind="stable")]


def _anchors() -> NDArray[np.float32]:
    """Return column, row and stride of each place that YuNet scores, float32 [1680, 3]."""
    grids = []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: DETECTOR_SIZE[0] // stride, : DETECTOR_SIZE[1] // stride]
        grids.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride)], 1))
    return np.concatenate(grids).astype(np.float32)


_ANCHORS = _anchors()


def _distinct(found: NDArray[np.float32]) -> list[int]:
    """Choose the best of each group of boxes that overlap (greedy non-maximum suppression)."""
    order = np.argsort(-found[:, 4], kind="stable")[:_MOST_BOXES].tolist()
    boxes = found.tolist()
    kept: list[int] = []
    for place in order:
        x, y, width, height, _ = boxes[place]
        for other in kept:
            left, top, wide, high, _ = boxes[other]
            across = min(x + width, left + wide) - max(x, left)
            down = min(y + height, top + high) - max(y, top)
            # Intersection over union, without dividing.
            if across > 0 < down and (1 + _MAX_OVERLAP) * across * down > _MAX_OVERLAP * (width * height + wide * high):
                break
        else:
            kept.append(place)
    return kept
