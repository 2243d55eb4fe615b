"""Where eyes, nose and mouth lie in the training faces: the crop that the device must make."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..device.faces.finder import FaceFinder
from ..errors import DataError
from ..models.preprocess import to_bgr
from ..models.record import Crop

_ENLARGED, _MARGIN = 200, 60


def measure(faces: NDArray[np.uint8], source: str) -> Crop:
    """Measure the crop geometry of training faces with the device's own detector and landmarks.

    Args:
        faces: uint8 [n, h, w], square face crops, drawn from the training split.
        source: What they are, for the record.

    Returns:
        The mean place of each landmark over the faces that were found.

    Raises:
        DataError: Fewer than ten faces were found.
    """
    finder = FaceFinder()
    points = []
    for face in faces:
        # The detector needs some background around a face, which a tight crop lacks.
        large = cv2.resize(face, (_ENLARGED, _ENLARGED), interpolation=cv2.INTER_CUBIC)
        frame = np.pad(large, _MARGIN, constant_values=128)
        found = finder.find(to_bgr(frame))
        if len(found) == 1:
            points.append((found[0].landmarks - _MARGIN) / _ENLARGED)
    if len(points) < 10:
        raise DataError(f"found a face in only {len(points)} of {len(faces)} training faces; are they faces?")
    # No side of a face is special: mirrored, the left points are the right ones.
    mirrored = [(1, 0) + (-1, 1) * np.array(one)[[1, 0, 2, 4, 3]] for one in points]
    mean = np.array([*points, *mirrored], np.float64).mean(axis=0).round(4).tolist()
    return Crop(tuple((x, y) for x, y in mean), f"mean of {len(points)} faces of {source}")
