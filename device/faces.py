"""From a picture to faces: YuNet finds boxes, O-Net confirms each and finds its landmarks.

YuNet: Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023. O-Net is the last of the
three networks of MTCNN: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded
Convolutional Networks", 2016. Both run as shipped model files in the runtime that the classifier uses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..models import registry
from ..models.errors import UsageError
from ..models.preprocess import shrunk, similarity, to_bgr, to_input
from ..models.runtime import LoadedModel
from .types import Box, Face

DETECTOR_SIZE = (256, 320)
"""Height and width of the picture that YuNet looks at."""

LANDMARKS_IN_BOX = ((-0.203, -0.158), (0.203, -0.158), (0.0, 0.078), (-0.17, 0.29), (0.17, 0.29))
"""Where O-Net's five points lie about the middle of YuNet's box, x and y over the square root of the box's
area: means of 1,370 upright faces of FER2013's Training split and their mirror images."""

_LANDMARK_SIZE = 48
# O-Net's square over the longer side of YuNet's box: at 0.9 the gate loses fewer faces than at 1.0
# and is fooled less often.
_LANDMARK_SHARE = 0.9
_BOX_WEIGHT = 0.6  # of what the box says against O-Net's landmarks
_STRIDES = (8, 16, 32)
_MOST_BOXES = 512  # the best ones; bounds time and memory where nearly every place scores
_MAX_OVERLAP = 0.3  # of two boxes, intersection over union; the value of OpenCV's YuNet demo


class FaceFinder:
    """Finds the faces in a picture.

        finder = FaceFinder()
        for face in finder.find(image):
            print(face.box, face.landmarks)

    Not to be shared between threads.

    Attributes:
        detector: YuNet in its runtime.
        landmarker: O-Net in its runtime.
    """

    def __init__(
        self,
        *,
        score: float = 0.4,
        gate: float = 0.7,
        max_faces: int = 16,
        threads: int = 1,
        detector: str | Path = "yunet",
    ):
        """Load the two networks.

        Args:
            score: Lowest score of a box, 0 to 1. Tilted faces score 0.5 to 0.8.
            gate: Lowest probability, 0 to 1, that O-Net must give a box to be a face; it sees the
                full resolution and drops what YuNet mistook for a face. A low score with a strict
                gate finds more and is fooled no more often than the other way round
                (`ferlite bench faces`).
            max_faces: The most faces looked at in a picture, the largest ones: each costs one run of
                O-Net, and this bounds the time.
            threads: Threads for one inference.
            detector: Name of a shipped model or path of a .tflite file with YuNet's outputs.

        Raises:
            UsageError: An option lies outside its range.
            MissingFileError: There is no such detector.
            ModelFormatError: The detector's file is damaged.
            RuntimeMissingError: No TFLite runtime is installed.
        """
        if not (0 < score < 1 and 0 <= gate < 1 and max_faces >= 1):
            raise UsageError(
                "a face finder needs score in (0, 1), gate in [0, 1) and max_faces of 1 or more, "
                f"not {score}, {gate} and {max_faces}"
            )
        self.score, self.gate, self.max_faces = score, gate, max_faces
        self.detector = LoadedModel(registry.path(detector), threads=threads)
        self._picture = np.empty((*DETECTOR_SIZE, 3), np.uint8)
        self._dtype = self.detector.inputs[0]["dtype"]
        self.landmarker = LoadedModel(registry.path("onet"), threads=threads)

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
        picture, (across, down) = fit(image, self._picture)
        found = decode(self.detector.run(to_input(picture[None], self._dtype)), self.score)
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
            box = (x, y, width, height)
            points = self._points(image, box)
            if points is not None:
                faces.append(Face(box, score, steadied(points, box)))
        return faces

    def again(self, image: NDArray[np.uint8], faces: Sequence[Face]) -> list[Face]:
        """Find faces of the frame before by O-Net alone, which sees no new ones; see `follow`.

        Args:
            image: As for `find`.
            faces: Where they were.

        Returns:
            Those that are still there, in the same order, with their old score and boxes of their old
            size where the landmarks are now.

        Raises:
            DataError: The picture has another shape or dtype, or no pixels.
        """
        image = to_bgr(image)
        found = []
        for face in faces:
            points = self._points(image, face.box)
            if points is not None:
                _, _, width, height = face.box
                x, y = similarity(_LANDMARKS_IN_BOX, points)[:, 2].tolist()
                box = (x - width / 2, y - height / 2, width, height)
                found.append(Face(box, face.score, steadied(points, box)))
        return found

    def _points(self, image: NDArray[np.uint8], box: Box) -> NDArray[np.float64] | None:
        """Return O-Net's points in a box, float64 [5, 2] in pixels; None if there is no face."""
        x, y, width, height = box
        side = max(1, round(_LANDMARK_SHARE * max(width, height)))
        left, top = round(x + (width - side) / 2), round(y + (height - side) / 2)
        crop = _square(image, left, top, side)
        if crop is None:
            return None
        by_width = {out.shape[-1]: out[0] for out in self.landmarker.run(to_input(crop[None], np.float32))}
        if by_width[2][1] < self.gate:
            return None
        # Five x, then five y, as fractions of the square.
        return by_width[10].reshape(2, 5).T.astype(np.float64) * side + (left, top)


def steadied(points: NDArray[np.floating], box: Box) -> NDArray[np.float32]:
    """Move landmarks towards where the box says that they are, turned as they are turned.

    Landmarks and box err by about as much and not together: a crop cut by their mean loses half as
    much accuracy to its errors as one by the landmarks alone (`ferlite bench faces`).

    Args:
        points: float [5, 2], O-Net's, in pixels.
        box: YuNet's x, y, width and height in pixels.

    Returns:
        float32 [5, 2].
    """
    x, y, width, height = box
    (cos, _, _), (sin, _, _) = similarity(_LANDMARKS_IN_BOX, points).tolist()
    # Turned as the points, but as large as the box and in its middle; as complex numbers, for speed.
    turn = complex(cos, sin) / max(math.hypot(cos, sin), 1e-6) * math.sqrt(width * height)
    middle = complex(x + width / 2, y + height / 2)
    expected = [middle + turn * complex(*place) for place in LANDMARKS_IN_BOX]
    towards = np.array([(point.real, point.imag) for point in expected])
    return (points + _BOX_WEIGHT * (towards - points)).astype(np.float32)


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


def fit(
    image: NDArray[np.uint8], picture: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Make the picture that YuNet looks at: as large as fits, black to the right or below.

    Args:
        image: uint8 [h, w, 3] BGR, [h, w] grey or [h, w, 4] BGRA, of any size.
        picture: uint8 [256, 320, 3] to write to; a new one if None.

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
    return picture, (width / wide, height / high)


def _anchors() -> NDArray[np.float32]:
    """Return column, row and stride of each place that YuNet scores, float32 [1680, 3]."""
    grids = []
    for stride in _STRIDES:
        rows, columns = np.mgrid[: DETECTOR_SIZE[0] // stride, : DETECTOR_SIZE[1] // stride]
        grids.append(np.stack([columns.ravel(), rows.ravel(), np.full(rows.size, stride)], 1))
    return np.concatenate(grids).astype(np.float32)


_ANCHORS = _anchors()
_LANDMARKS_IN_BOX = np.array(LANDMARKS_IN_BOX)


def _distinct(found: NDArray[np.float32]) -> list[int]:
    """Choose the best of each group of boxes that overlap (greedy non-maximum suppression)."""
    order = np.argsort(-found[:, 4], kind="stable")[:_MOST_BOXES].tolist()
    if len(order) == 1:
        return order
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
    return np.asarray(cv2.cvtColor(shrunk(bgr, width, height), cv2.COLOR_BGR2RGB), np.uint8)
