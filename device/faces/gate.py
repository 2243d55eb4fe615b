"""Which faces can be read: one that is too small, blurred or turned away is not guessed at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..types import Face

TOO_SMALL, BLURRED, TURNED = "too small", "blurred", "turned away"
"""Why a face can't be read."""


@dataclass(frozen=True)
class Gate:
    """What a face must be so that the classifier is shown it. `ferlite bench gates` measures what each costs.

    Attributes:
        min_face: Least longer side of the box, in pixels of the frame; 0 lets every size pass.
        min_sharpness: Least `sharpness` of the crop; 0 lets every blur pass.
        max_turn: Most `turn` of the head, 1 lets nearly every head pass. Of FER2013's PublicTest hardly a
            face is turned by more than the default, so that nobody knows how well those are read.

    Raises:
        UsageError: A limit is negative.
    """

    min_face: float = 20.0
    min_sharpness: float = 0.35
    max_turn: float = 0.25

    def __post_init__(self) -> None:
        if not min(self.min_face, self.min_sharpness, self.max_turn) >= 0:
            raise UsageError(f"a gate's limits are 0 or more, not {self}")

    def refuses(self, face: Face, crop: NDArray[np.uint8]) -> str:
        """Say why a face can't be read; empty if it can.

        Args:
            face: A face that was found.
            crop: uint8 [h, w], the grey crop that the classifier would be shown.
        """
        if max(face.box[2:]) < self.min_face:
            return TOO_SMALL
        if turn(face.landmarks) > self.max_turn:
            return TURNED
        return BLURRED if sharpness(crop) < self.min_sharpness else ""


def sharpness(crop: NDArray[np.uint8]) -> float:
    """Tell how much of a picture's contrast is fine detail: the energy of its Laplacian over its gradient's.

    The Laplacian's energy is the common measure of focus (Pech-Pacheco et al. 2000, "Diatom
    autofocusing in brightfield microscopy"; Pertuz et al. 2013 compare such measures). Over the
    gradient's it no longer depends on light and contrast, and tells blurred faces from sharp ones
    better.

    Args:
        crop: uint8 [h, w] grey.

    Returns:
        0 for a grey wall, about 2 for a sharp face of 48 x 48 pixels.
    """
    gradient = sum(
        cv2.norm(here, there, cv2.NORM_L2SQR) for here, there in ((crop[1:], crop[:-1]), (crop[:, 1:], crop[:, :-1]))
    )
    return cv2.norm(cv2.Laplacian(crop, cv2.CV_16S), cv2.NORM_L2SQR) / max(gradient, 1.0)


def turn(landmarks: NDArray[np.float32]) -> float:
    """Tell how far a head is turned to a side: the nose's way from the middle of the eyes, in eye distances.

    Args:
        landmarks: float32 [5, 2], as `Face` has them.

    Returns:
        0 for a face seen from the front; roll does not count.
    """
    (left_x, left_y), (right_x, right_y), (nose_x, nose_y) = landmarks[:3].tolist()
    x, y = right_x - left_x, right_y - left_y
    off = (nose_x - (left_x + right_x) / 2) * x + (nose_y - (left_y + right_y) / 2) * y
    return abs(off) / max(x * x + y * y, 1e-6)
