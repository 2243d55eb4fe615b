"""A source seen turned or mirrored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Frame
from .base import Source

ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Oriented(Source):
    """A source seen turned or mirrored, for a camera that is mounted so.

    Args:
        source: Where the frames come from; closed with this one.
        flip: Mirror left and right, after turning.
        rotate: Degrees clockwise: 0, 90, 180 or 270.
    """

    def __init__(self, source: Source, *, flip: bool = False, rotate: int = 0) -> None:
        self._source = source
        self._flip = flip
        self._turn = ROTATIONS.get(rotate)
        self.spec = source.spec
        self.live, self.newest_only = source.live, source.newest_only
        self.rate = source.rate
        width, height = source.size
        self.size = (height, width) if rotate in {90, 270} else (width, height)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the source's frames, turned."""
        for frame in self._source:
            self.dropped, self.damaged = self._source.dropped, self._source.damaged
            self.reopened = self._source.reopened
            yield replace(frame, image=self._oriented(frame.image))

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _oriented(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        turned = image if self._turn is None else cv2.rotate(image, self._turn)
        return np.asarray(cv2.flip(turned, 1) if self._flip else turned, np.uint8)
