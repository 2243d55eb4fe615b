"""Which faces can be read: one that is too small, blurred or turned away is not classified."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import check_range
from ...models.preprocess import to_size
from ..types import Face

TOO_SMALL, BLURRED, TURNED = "too small", "blurred", "turned away"
"""Why a face can't be read."""

_MEASURED = (48, 48)  # height and width, in pixels, at which sharpness is measured


@dataclass(frozen=True)
class Gate:
    """What a face must be like to be classified. `ferlite bench gates` measures the effect of each limit.

    Attributes:
        min_face: Least longer side of the box, in pixels of the frame; 0 accepts every size.
        min_sharpness: Least `sharpness` of the crop, which does not depend on the crop's size; 0 accepts
            every blur.
        max_turn: Greatest turn of the head to either side, see `Face.turn`; 1 accepts nearly every head.
            FER2013's PublicTest has hardly a face beyond the default, so nobody knows how well those are
            classified.

    Raises:
        UsageError: A limit is negative or no number.
    """

    min_face: float = 20.0
    min_sharpness: float = 0.35
    max_turn: float = 0.25

    def __post_init__(self) -> None:
        for limit in fields(self):
            check_range(f"Gate.{limit.name}", getattr(self, limit.name), 0)

    def refuses(self, face: Face, crop: NDArray[np.uint8]) -> str:
        """Return why a face can't be read; an empty string if it can.

        Args:
            face: A face that was found.
            crop: uint8 [h, w] grey, the crop of this face for the classifier.
        """
        if max(face.box[2:]) < self.min_face:
            return TOO_SMALL
        if abs(face.turn) > self.max_turn:
            return TURNED
        return BLURRED if sharpness(crop) < self.min_sharpness else ""


def sharpness(crop: NDArray[np.uint8]) -> float:
    """Measure how much of a crop's contrast is fine detail: energy of the Laplacian over that of the gradient.

    The Laplacian's energy is the common measure of focus (Pech-Pacheco et al. 2000, "Diatom
    autofocusing in brightfield microscopy"; Pertuz et al. 2013 compare such measures). Divided by the
    gradient's it does not depend on light and contrast, and separates blurred from sharp faces better.
    The crop is resized to 48 x 48 pixels first, so that one limit holds for models of every input size.

    Args:
        crop: uint8 [h, w] grey.

    Returns:
        0 for an even wall, about 2 for a sharp face.
    """
    crop = to_size(crop, _MEASURED)
    gradient = sum(
        cv2.norm(after, before, cv2.NORM_L2SQR)
        for after, before in ((crop[1:], crop[:-1]), (crop[:, 1:], crop[:, :-1]))
    )
    return cv2.norm(cv2.Laplacian(crop, cv2.CV_16S), cv2.NORM_L2SQR) / max(gradient, 1.0)
