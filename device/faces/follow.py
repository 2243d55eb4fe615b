"""Between scans of the whole frame, looking only where the faces were: O-Net without YuNet.

MediaPipe follows faces in this way (Kartynnik et al. 2019, "Real-time Facial Surface Geometry from
Monocular Video on Mobile GPUs"): landmarks tell where to look for them in the next frame.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..types import Face
from .boxes import iou
from .finder import FaceFinder

_MERGED = 0.3  # of two boxes, intersection over union: two faces followed onto one


def check_scan_every(every: int) -> None:
    """Check how often whole frames are scanned.

    Raises:
        UsageError: `every` is less than 1.
    """
    if every < 1:
        raise UsageError(f"a frame is scanned every 1 or more frames, not {every}")


class Follower:
    """Follows the faces of the last frame until it is time to scan a whole frame again.

    Args:
        finder: Finds the landmarks.
        every: Scan every so many frames; 1 follows nothing.

    Raises:
        UsageError: `every` is less than 1.
    """

    def __init__(self, finder: FaceFinder, every: int = 1) -> None:
        check_scan_every(every)
        self._finder, self._every = finder, every
        self._faces: list[Face] = []
        self._since = 0

    def follow(self, image: NDArray[np.uint8]) -> list[Face] | None:
        """Find the faces that are known already.

        Args:
            image: uint8 [h, w, 3] BGR.

        Returns:
            The faces in their order; None where the frame must be scanned: it is time to, no face is
            known, one was lost, or two became one.
        """
        self._since += 1
        if self._since >= self._every or not self._faces:
            return None
        faces = self._finder.track(image, self._faces)
        if len(faces) < len(self._faces) or any(iou(a.box, b.box) > _MERGED for a, b in combinations(faces, 2)):
            return None
        self._faces = faces
        return faces

    def scanned(self, faces: list[Face]) -> None:
        """Note what a scan found."""
        self._faces, self._since = faces, 0
