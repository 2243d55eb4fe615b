"""A person that the virtual camera draws: an eigenface with hair, neck and shoulders, in motion."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from ...models import eigenfaces

_HOLD, _CHANGE = 2.0, 0.8  # seconds that an expression stays, and that it takes to become the next

# The drawing of a person, in pixels: the face's square lies at `_FACE` in it.
_DRAWING = (160, 256)
_SIDE = 2 * eigenfaces.SIDE
_FACE = (slice(24, 24 + _SIDE), slice(32, 32 + _SIDE))
_CENTRE = np.array([32 + _SIDE / 2, 24 + _SIDE / 2])
_ROUNDNESS = 2.5  # of the oval: 2 an ellipse, more a rounded square (superellipse)


class Person:
    """One face: who it is, how it moves, and how its expression goes."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._model = eigenfaces.load()
        state = int(rng.integers(2**32))
        # The same random numbers for each expression make it the same person.
        self._faces = [self._model.coefficients(n, np.random.default_rng(state)) for n in self._model.labels]
        self._order = rng.permutation(len(self._faces))
        self._offset = rng.uniform(0, _HOLD + _CHANGE)
        self._size = float(rng.uniform(0.85, 1.0))
        # Across, down, nearer, turned: each a sine with a period of its own.
        self._periods, self._phases = rng.uniform(5, 9, 4), rng.uniform(0, 2 * math.pi, 4)
        tone = rng.uniform(0.85, 1.0) * np.array([0.78, 0.92, 1.1])  # blue, green, red: warm
        self._tones = np.clip(np.arange(256)[:, None] * tone, 0, 255).astype(np.uint8)[None]
        self._drawing, self._mask = _bust(rng)
        self._face_mask = _oval()

    def expression(self, seconds: float) -> tuple[str, str, float]:
        """Return the expression held or left, the next one, and the share of the next, 0 to 1."""
        now, then, share = self._mix(seconds)
        return self._model.labels[now], self._model.labels[then], share

    def place(
        self, seconds: float, middle: NDArray[np.float64], side: float, room: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float, float]:
        """Return where the face is.

        Args:
            seconds: Seconds since the start.
            middle: x and y of the place around which it moves, in pixels.
            side: Side of the face's square, in pixels, that persons are a little smaller or larger than.
            room: How far it may go from `middle` across and down, in pixels.

        Returns:
            Middle and side of the face's square in pixels, and its roll in radians.
        """
        across, down, nearer, turned = np.sin(2 * math.pi * seconds / self._periods + self._phases).tolist()
        return middle + room * (across, down), side * self._size * (1 + 0.1 * nearer), math.radians(8) * turned

    def draw(
        self, image: NDArray[np.uint8], seconds: float, middle: NDArray[np.float64], side: float, roll: float
    ) -> None:
        """Draw the person into a frame, touching only the part that it covers.

        Args:
            image: uint8 [h, w, 3] BGR, drawn into.
            seconds: Seconds since the start; decides the expression.
            middle: Middle of the face's square in pixels; see `place`.
            side: Its side.
            roll: Its roll.
        """
        drawing = self._drawing.copy()
        drawing[_FACE] = _over(self._face(seconds), self._face_mask, drawing[_FACE])
        zoom = side / _SIDE
        cos, sin = zoom * math.cos(roll), zoom * math.sin(roll)
        turn = np.array([[cos, -sin], [sin, cos]])
        matrix = np.column_stack([turn, middle - turn @ _CENTRE])
        wide, high = _DRAWING
        # The drawing's last row goes on to the end of the frame, so that nobody is cut off.
        low = high + image.shape[0] / zoom
        corners = np.array([[0, 0, 1], [wide, 0, 1], [0, low, 1], [wide, low, 1]]) @ matrix.T
        left, top = np.maximum(np.floor(corners.min(0)), 0).astype(int)
        right, bottom = np.minimum(np.ceil(corners.max(0)), image.shape[1::-1]).astype(int)
        matrix[:, 2] -= left, top
        part = image[top:bottom, left:right]
        warped, mask = (
            np.asarray(cv2.warpAffine(picture, matrix, part.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)
            for picture in (drawing, self._mask)
        )
        part[:] = _over(warped, mask, part)

    def _face(self, seconds: float) -> NDArray[np.uint8]:
        now, then, share = self._mix(seconds)
        a, b = self._faces[now], self._faces[then]
        grey = self._model.render(a + (b - a) * np.float32(share))
        large = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
        return np.asarray(cv2.LUT(cv2.merge([large] * 3), self._tones), np.uint8)

    def _mix(self, seconds: float) -> tuple[int, int, float]:
        turn, since = divmod(seconds + self._offset, _HOLD + _CHANGE)
        place, count = int(turn), len(self._order)
        change = max(0.0, (since - _HOLD) / _CHANGE)
        eased = change * change * (3 - 2 * change)
        return int(self._order[place % count]), int(self._order[(place + 1) % count]), eased


def _over(above: NDArray[np.uint8], mask: NDArray[np.uint8], below: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a picture over another, opaque where the mask, uint8 with as many channels, is 255."""
    shown = cv2.multiply(above, mask, scale=1 / 255)
    return np.asarray(cv2.add(shown, cv2.multiply(below, cv2.bitwise_not(mask), scale=1 / 255)), np.uint8)


def _bust(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw hair, neck and shoulders: a picture and its mask, both uint8 [256, 160, 3]."""
    wide, high = _DRAWING
    x, y = _CENTRE.astype(int).tolist()
    hair, cloth = rng.uniform(15, 60), rng.uniform(60, 150, 3)
    shapes = [
        *(((x, middle), (72, 90), cloth.tolist()) for middle in range(224, high, 24)),
        ((x, y + 52), (20, 34), [80, 100, 125]),
        ((x, y - 9), (45, 54), [hair, 1.15 * hair, 1.4 * hair]),
    ]
    picture = np.full((high, wide, 3), 60, np.uint8)
    mask = np.zeros((high, wide, 3), np.uint8)
    for middle, axes, colour in shapes:
        cv2.ellipse(picture, middle, axes, 0, 0, 360, colour, cv2.FILLED)
        cv2.ellipse(mask, middle, axes, 0, 0, 360, (255, 255, 255), cv2.FILLED)
    return _blurred(picture, 2.5), _blurred(mask, 2.5)


def _oval() -> NDArray[np.uint8]:
    """Make the mask of a face in its square: an oval that fades to nothing at the square's edge."""
    across = np.abs(np.linspace(-1, 1, _SIDE)) ** _ROUNDNESS
    radius = (across[None] + across[:, None]) ** (1 / _ROUNDNESS)
    mask = np.clip((1 - radius) / 0.15, 0, 1) * 255
    return np.repeat(mask[..., None], 3, axis=2).astype(np.uint8)


def _blurred(picture: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
