"""From a picture to faces: YuNet finds boxes, O-Net confirms each and finds its landmarks.

YuNet: Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023. O-Net is the last of the
three networks of MTCNN: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", 2016. Both run as shipped model files in the runtime that the classifier uses.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..models import registry
from ..models.errors import UsageError
from ..models.preprocess import to_bgr, to_input
from ..models.runtime import LoadedModel
from .types import Face

DETECTOR_SIZE = (256, 320)
"""Height and width of the picture that YuNet looks at."""

_LANDMARK_SIZE = 48
_STRIDES = (8, 16, 32)
_MAX_OVERLAP = 0.3  # of two boxes, intersection over union; the value of OpenCV's YuNet demo


class FaceFinder:
    """Finds the faces in a picture.

        finder = FaceFinder()
        for face in finder.find(image):
            print(face.box, face.landmarks)

    Not to be shared between threads.
    """

    def __init__(self, *, score: float = 0.6, gate: float = 0.5, max_faces: int = 16, threads: int = 1):
        """Load the two networks.

        Args:
            score: Lowest score of a box, 0 to 1. Tilted faces score 0.7 to 0.8.
            gate: Lowest probability, 0 to 1, that O-Net must give a box to be a face; it sees the
                full resolution and drops what YuNet mistook for a face.
            max_faces: The most faces looked at in a picture, the largest ones: each costs one run of
                O-Net, and this bounds the time.
            threads: Threads for one inference.

        Raises:
            UsageError: An option lies outside its range.
            RuntimeMissingError: No TFLite runtime is installed.
        """
        if not (0 < score < 1 and 0 <= gate < 1 and max_faces >= 1):
            raise UsageError(
                "a face finder needs score in (0, 1), gate in [0, 1) and max_faces of 1 or more, "
                f"not {score}, {gate} and {max_faces}"
            )
        self.score, self.gate, self.max_faces = score, gate, max_faces
        self._detector = LoadedModel(registry.path("yunet"), threads=threads)
        self._landmarker = LoadedModel(registry.path("onet"), threads=threads)

    def find(self, image: NDArray[np.uint8]) -> list[Face]:
        """Find faces and their landmarks: `boxes`, then `landmarks`.

        Args:
            image: uint8 [h, w, 3] BGR, [h, w] grey or [h, w, 4] BGRA, of any size.

        Returns:
            The faces, nearest (largest) first.

        Raises:
            DataError: The picture has another shape or dtype, or no pixels.
        """
        return self.landmarks(image, self.boxes(image))

    def boxes(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Find boxes of what may be faces.

        Args:
            image: As for `find`.

        Returns:
            float32 [n, 5], largest first: x, y, width and height in pixels of the picture, and the
            score, 0 to 1. A box may reach over the picture's edge.

        Raises:
            DataError: The picture has another shape or dtype, or no pixels.
        """
        picture, (across, down) = fit(image)
        found = decode(self._detector.run(to_input(picture[None], np.int8)), self.score)
        return found[: self.max_faces] * np.array([across, down, across, down, 1], np.float32)

    def landmarks(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> list[Face]:
        """Find the landmarks of the boxes that are faces.

        Args:
            image: As for `find`, at full resolution.
            boxes: float32 [n, 5], from `boxes`.

        Returns:
            A face for each box that passes the gate, in the order of `boxes`.

        Raises:
            DataError: The picture has another shape or dtype, or no pixels.
        """
        image = to_bgr(image)
        faces = []
        for x, y, width, height, score in boxes.tolist():
            side = max(1, round(max(width, height)))
            left, top = round(x + (width - side) / 2), round(y + (height - side) / 2)
            crop = _square(image, left, top, side)
            if crop is None:
                continue
            outputs = self._landmarker.run(to_input(crop[None], np.float32))
            by_width = {out.shape[-1]: out[0] for out in outputs}
            if by_width[2][1] < self.gate:
                continue
            # Five x, then five y, as fractions of the square.
            points = by_width[10].reshape(2, 5).T * side + (left, top)
            faces.append(Face((x, y, width, height), score, points.astype(np.float32)))
        return faces


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
    scores = np.hstack([(a * b).ravel() for a, b in zip(parts[:6:2], parts[1:6:2], strict=True)])
    offsets = np.hstack(parts[6:])[0]
    places = np.flatnonzero(scores > score**2)
    x, y, stride = _ANCHORS[places].T
    right, below, wide, high = offsets[places].T
    width, height = np.exp(wide) * stride, np.exp(high) * stride
    left, top = (x + right) * stride - width / 2, (y + below) * stride - height / 2
    found = np.stack([left, top, width, height, np.sqrt(scores[places])], axis=1)
    found = found[_distinct(found)]
    return found[np.argsort(-found[:, 2] * found[:, 3], kind="stable")]


def fit(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Make the picture that YuNet looks at: as large as fits, black to the right or below.

    Args:
        image: uint8 [h, w, 3] BGR, [h, w] grey or [h, w, 4] BGRA, of any size.

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
    picture = np.zeros((*DETECTOR_SIZE, 3), np.uint8)
    picture[:high, :wide] = _resized_rgb(image, wide, high)
    return picture, (width / wide, height / high)


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
    corners, far = found[:, :2], found[:, :2] + found[:, 2:4]
    areas = found[:, 2] * found[:, 3]
    order = np.argsort(-found[:, 4], kind="stable")
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(int(best))
        sides = np.minimum(far[best], far[order]) - np.maximum(corners[best], corners[order])
        shared = np.maximum(sides, 0).prod(axis=1)
        order = order[shared <= _MAX_OVERLAP * (areas[best] + areas[order] - shared)]
    return kept


def _square(image: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8] | None:
    """Cut a square for O-Net, uint8 [48, 48, 3] RGB; None if it lies outside of the picture.

    What reaches over the picture's edge repeats its border.
    """
    height, width = image.shape[:2]
    right, bottom = left + side, top + side
    inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if not inside.size:
        return None
    over = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    if any(over):
        inside = cv2.copyMakeBorder(inside, *over, cv2.BORDER_REPLICATE)
    return _resized_rgb(np.asarray(inside, np.uint8), _LANDMARK_SIZE, _LANDMARK_SIZE)


def _resized_rgb(bgr: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    how = cv2.INTER_AREA if bgr.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.cvtColor(cv2.resize(bgr, (width, height), interpolation=how), cv2.COLOR_BGR2RGB), np.uint8)
