"""Tracking known faces between scans of the whole frame: O-Net without YuNet.

The landmarks of a frame give the region of each face in the next one, as in MediaPipe (Kartynnik et al.
2019, "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs").
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ...errors import check_range
from ..types import Face
from .boxes import iou
from .finder import FaceFinder

_MERGED = 0.3  # of two boxes, intersection over union: two tracks that ended on one face


class Follower:
    """Tracks the faces of the last frame until the next scan of a whole frame is due.

    Args:
        finder: Finds the landmarks.
        every: Scan one frame in so many; 1 scans each frame and tracks nothing.

    Raises:
        UsageError: `every` is less than 1.
    """

    def __init__(self, finder: FaceFinder, every: int = 1) -> None:
        check_range("scan_every", every, 1, unit="frames", whole=True)
        self._finder, self._every = finder, every
        self._faces: list[Face] = []
        self._since = 0

    def follow(self, image: NDArray[np.uint8]) -> list[Face] | None:
        """Track the known faces into a new frame.

        Args:
            image: uint8 [h, w, 3] BGR.

        Returns:
            The faces in their order; None if the frame must be scanned, because a scan is due, no face is
            known, a face was lost, or two faces became one.
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
        """Take over the faces that a scan found."""
        self._faces, self._since = faces, 0
