"""From a picture to faces: YuNet finds boxes; O-Net confirms each box and finds its landmarks.

O-Net is the last of the three networks of MTCNN: Zhang et al., "Joint Face Detection and Alignment using
Multi-task Cascaded Convolutional Networks", 2016. Both run as shipped model files in the runtime that the
classifier uses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import check_range
from ...models import registry
from ...models.preprocess import shrunk, similarity, to_bgr, to_input
from ...models.runtime import LoadedModel
from ..types import Box, Face
from .yunet import DETECTOR_SIZE, decode, fit

TILT = 25.0
"""Degrees of roll, to either side, at which the finder looks for heads if none is upright. It finds more than eight
of ten of FER2013's PublicTest faces turned by 40 degrees, and half of those turned by 60."""

LANDMARKS_IN_BOX = ((-0.203, -0.158), (0.203, -0.158), (0.0, 0.078), (-0.17, 0.29), (0.17, 0.29))
"""Where O-Net's five points lie about the middle of YuNet's box, x and y over the square root of the box's
area: means of 1,370 upright faces of FER2013's Training split and their mirror images; `ferlite bench faces`
prints those of PublicTest."""

MAX_FACES_STILL, MAX_FACES_MOVING = 64, 16
"""Most faces returned by default: of a still picture, and of a frame of a video or camera, which has to be quick."""

_BOXES_PER_FACE = 4  # so many boxes at most are shown to O-Net for each face: bounds the time, busy textures have many
_LANDMARK_SIZE = 48
# Stricter than upright, because two more looks give two more chances of a false alarm: with these limits the
# enlarged photos of `ferlite bench faces` give no more false alarms than without tilted looks.
_TILTED_SCORE, _TILTED_GATE = 0.6, 0.95
_TILTED_SIZE = 64  # pixels of the crop for a tilted head: holds 48 x 48 pixels turned by up to 35 degrees
# Side of O-Net's square over the longer side of YuNet's box: at 0.9 the gate loses fewer faces than at 1.0
# and lets fewer false alarms pass.
_LANDMARK_SHARE = 0.9
_BOX_WEIGHT = 0.6  # of the positions expected from the box, against O-Net's landmarks


class FaceFinder:
    """Finds the faces in a picture.

        finder = FaceFinder()
        for face in finder.find(image):
            print(face.box, face.landmarks)

    Not to be shared between threads: `boxes` reuses one buffer for its picture.

    Attributes:
        detector: YuNet in its runtime.
        landmarker: O-Net in its runtime.
    """

    def __init__(
        self,
        *,
        score: float = 0.4,
        gate: float = 0.7,
        max_faces: int | None = None,
        threads: int = 1,
        detector: str | Path = "yunet",
    ):
        """Load the two networks.

        Args:
            score: Lowest score of a box, 0.01 to 1. Tilted faces score 0.5 to 0.8.
            gate: Lowest probability, 0 to 1, by O-Net that a box is a face. O-Net sees the full resolution
                and drops YuNet's false alarms. A low score with a strict gate finds more faces, with no
                more false alarms, than a high score with a loose gate (`ferlite bench faces`). For tilted
                heads both limits are higher.
            max_faces: Most faces to return, the largest ones, counted after O-Net's gate; each costs one run
                of O-Net, and this bounds the time. If None, 64 in a still picture and 16 in a frame of a
                video or camera.
            threads: Threads for one inference.
            detector: Name of a shipped model or path of a .tflite file with YuNet's outputs.

        Raises:
            UsageError: An option lies outside its range.
            MissingFileError: There is no such detector.
            ModelFormatError: The detector's file is damaged.
            RuntimeMissingError: No TFLite runtime is installed.
        """
        check_range("FaceFinder.score", score, 0.01, 1)
        check_range("FaceFinder.gate", gate, 0, 1)
        if max_faces is not None:
            check_range("FaceFinder.max_faces", max_faces, 1, whole=True)
        self.score, self.gate, self.max_faces = score, gate, max_faces
        self.detector = LoadedModel(registry.path(detector), threads=threads)
        self._picture = np.empty((*DETECTOR_SIZE, 3), np.uint8)
        self._dtype = self.detector.inputs[0]["dtype"]
        self.landmarker = LoadedModel(registry.path("onet"), threads=threads)

    def find(self, image: NDArray[np.uint8], *, still: bool = True) -> list[Face]:
        """Find faces and their landmarks: `boxes`, then `landmarks`; tilted faces if there are no upright ones.

        A picture without faces takes three times as long, because both sides are searched.

        Args:
            image: uint8 [h, w, 3] BGR, [h, w] grey or [h, w, 4] BGRA, of any size.
            still: See `landmarks`.

        Returns:
            The faces, nearest (largest) first.

        Raises:
            DataError: The picture has another shape or dtype, or no pixels.
        """
        for roll in (0.0, TILT, -TILT):
            faces = self.landmarks(image, self.boxes(image, roll), roll, still=still)
            if faces:
                return faces
        return []

    def boxes(self, image: NDArray[np.uint8], roll: float = 0.0) -> NDArray[np.float32]:
        """Find boxes that may be faces.

        Args:
            image: As for `find`.
            roll: Degrees anticlockwise by which the heads are tilted. The picture is turned back by as much
                about its middle, so its corners are not searched.

        Returns:
            float32 [n, 5], largest first: x, y, width and height in pixels of the picture, and the
            score, 0 to 1. A box may reach over the picture's edge. The box of a tilted head has the
            head's middle and the size that the head would have upright.

        Raises:
            DataError: The picture has another shape or dtype, or no pixels.
        """
        picture, (across, down) = fit(image, self._picture, roll)
        found = decode(
            self.detector.run(to_input(picture[None], self._dtype)),
            max(self.score, _TILTED_SCORE) if roll else self.score,
        )
        found = found * np.array([across, down, across, down, 1], np.float32)
        if roll:
            corner = (np.array(image.shape[1::-1]) - found[:, 2:4]) / 2  # of a box in the picture's middle
            found[:, :2] = _rolled(found[:, :2] - corner, roll) + corner
        return found

    def landmarks(
        self, image: NDArray[np.uint8], boxes: NDArray[np.float32], roll: float = 0.0, *, still: bool = True
    ) -> list[Face]:
        """Confirm boxes as faces and find their landmarks.

        Args:
            image: As for `find`, at full resolution.
            boxes: float32 [n, 5], from `boxes`.
            roll: As for `boxes`.
            still: The image is a picture of its own, not one of many a second: chooses the default of
                `max_faces`.

        Returns:
            A face for each box that passes the gate, in the order of `boxes`; at most `max_faces`.

        Raises:
            DataError: The picture has another shape or dtype, or no pixels.
        """
        image = to_bgr(image)
        limit = self.max_faces or (MAX_FACES_STILL if still else MAX_FACES_MOVING)
        faces: list[Face] = []
        for x, y, width, height, score in boxes[: _BOXES_PER_FACE * limit].tolist():
            if len(faces) == limit:
                break
            box = (x, y, width, height)
            points = self.points(image, box, roll)
            if points is not None:
                faces.append(Face(box, score, blended(points, box)))
        return faces

    def track(self, image: NDArray[np.uint8], faces: Sequence[Face]) -> list[Face]:
        """Track faces of the previous frame with O-Net alone, without YuNet; new faces are not found.

        Args:
            image: As for `find`.
            faces: The faces of the previous frame.

        Returns:
            The faces that are still there, in the same order. Score and box size are the old ones; the
            box is moved to the new landmarks.

        Raises:
            DataError: The picture has another shape or dtype, or no pixels.
        """
        image = to_bgr(image)
        found = []
        for face in faces:
            points = self.points(image, face.box)
            if points is not None:
                _, _, width, height = face.box
                _, middle = similarity(LANDMARKS_IN_BOX, points.tolist())
                box = (middle.real - width / 2, middle.imag - height / 2, width, height)
                found.append(Face(box, face.score, blended(points, box)))
        return found

    def points(self, image: NDArray[np.uint8], box: Box, roll: float = 0.0) -> NDArray[np.float64] | None:
        """Return O-Net's landmarks in a box of a BGR picture, float64 [5, 2] in pixels; None if it is no face."""
        x, y, width, height = box
        size = _TILTED_SIZE if roll else _LANDMARK_SIZE
        side = max(1, round(_LANDMARK_SHARE * max(width, height) * size / _LANDMARK_SIZE))
        left, top = round(x + (width - side) / 2), round(y + (height - side) / 2)
        crop = _square(image, left, top, side, size)
        if crop is None:
            return None
        if roll:
            upright = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), -roll, 1)
            edge = (size - _LANDMARK_SIZE) // 2
            crop = np.asarray(cv2.warpAffine(crop, upright, (size, size)), np.uint8)[edge:-edge, edge:-edge]
        by_width = {out.shape[-1]: out[0] for out in self.landmarker.run(to_input(crop[None], np.float32))}
        if by_width[2][1] < (max(self.gate, _TILTED_GATE) if roll else self.gate):
            return None
        # Five x, then five y, as fractions of O-Net's square.
        points = (by_width[10].reshape(2, 5).T.astype(np.float64) - 0.5) * (side * _LANDMARK_SIZE / size)
        return (_rolled(points, roll) if roll else points) + (left + side / 2, top + side / 2)


def blended(points: NDArray[np.floating], box: Box) -> NDArray[np.float32]:
    """Blend O-Net's landmarks with the positions expected from the box.

    The expected positions have the box's middle and size and the landmarks' roll. The errors of box and
    landmarks are about equal and independent: a crop aligned by the blend loses half as much accuracy as
    one aligned by the landmarks alone (`ferlite bench faces`).

    Args:
        points: float [5, 2], O-Net's, in pixels.
        box: YuNet's x, y, width and height in pixels.

    Returns:
        float32 [5, 2].
    """
    x, y, width, height = box
    own = points.tolist()
    turn, _ = similarity(LANDMARKS_IN_BOX, own)
    # The roll comes from the points, size and middle from the box.
    turn *= math.sqrt(width * height) / max(abs(turn), 1e-6)
    middle = complex(x + width / 2, y + height / 2)
    blend = []
    for point, place in zip(own, LANDMARKS_IN_BOX, strict=True):
        expected = middle + turn * complex(*place)
        mixed = _BOX_WEIGHT * expected + (1 - _BOX_WEIGHT) * complex(*point)
        blend.append((mixed.real, mixed.imag))
    return np.array(blend, np.float32)


def in_box(points: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """Return points relative to a box, in the units of `LANDMARKS_IN_BOX`, float64 [5, 2]."""
    x, y, width, height = box
    return (points - np.array((x + width / 2, y + height / 2))) / math.sqrt(width * height)


def _rolled(points: NDArray[Any], roll: float) -> NDArray[Any]:
    """Rotate points, float [n, 2], about the origin by degrees anticlockwise."""
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    return points @ np.array(((cos, -sin), (sin, cos)))


def _square(image: NDArray[np.uint8], left: int, top: int, side: int, size: int) -> NDArray[np.uint8] | None:
    """Cut a square for O-Net, uint8 [size, size, 3] RGB; None if it lies outside of the picture.

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
    return np.asarray(cv2.cvtColor(shrunk(np.asarray(inside, np.uint8), size, size), cv2.COLOR_BGR2RGB), np.uint8)
