"""Where in the world a face is: its share of the frame, and its direction from the camera."""

from __future__ import annotations

import math
from dataclasses import replace

from ..errors import check_range
from .types import Box, TrackedFace


class View:
    """Adds area and direction to the faces of a frame.

    Lenses are taken as pinholes: a distorted wide angle is off by some degrees near its edge.

    Args:
        fov: The camera's horizontal field of view in degrees, 1 to 179, before turning; no face has a
            direction where it is None.
        turned: The frames are turned by 90 or 270 degrees, so that the camera's width is their height.
        mirrored: The frames are mirrored, so that their right is the camera's left.

    Raises:
        UsageError: `fov` lies outside its range.
    """

    def __init__(self, fov: float | None = None, *, turned: bool = False, mirrored: bool = False) -> None:
        if fov is not None:
            check_range("fov", fov, 1, 179, "degrees")
        self._fov, self._turned, self._mirrored = fov, turned, mirrored

    def placed(self, face: TrackedFace, size: tuple[int, int]) -> TrackedFace:
        """Return a face with its area, and its direction where the field of view is known.

        Args:
            face: The face.
            size: Width and height of its frame in pixels.
        """
        return replace(face, area=_area(face.box, size), direction=self._direction(face.box, size))

    def _direction(self, box: Box, size: tuple[int, int]) -> tuple[float, float] | None:
        if self._fov is None:
            return None
        width, height = size
        focal = (height if self._turned else width) / 2 / math.tan(math.radians(self._fov) / 2)  # pixels
        right, up = box[0] + box[2] / 2 - width / 2, height / 2 - box[1] - box[3] / 2
        # Up is seen from the plane that holds the face, so that a pan by `right` and a tilt by `up` point at it.
        pan = math.atan2(right, focal)
        return math.degrees(-pan if self._mirrored else pan), math.degrees(math.atan2(up, math.hypot(focal, right)))


def _area(box: Box, size: tuple[int, int]) -> float:
    (x, y, width, height), (right, bottom) = box, size
    inside = max(0.0, min(x + width, right) - max(x, 0)) * max(0.0, min(y + height, bottom) - max(y, 0))
    return inside / (right * bottom)
