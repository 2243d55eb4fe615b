"""A camera that is drawn: faces with known expressions move before a soft background.

For trying ferlite without a camera, and for tests that must know what is to be seen. The faces are
samples of `models.eigenfaces`: statistics, nobody's picture.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError, unknown
from ..types import Frame
from .base import Source
from .virtual_person import Person

MAX_FACES = 16

_CROSSING = 8.0  # seconds for two faces to change places and come back
_SMALLEST, _LARGEST = 64, 4096  # pixels
_OPTIONS = ("faces", "seed", "frames", "cross", "live")
_SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

# Where a detector's box lies in the face's square, as fractions of its side: x, y of the middle, width
# and height; means of YuNet's boxes.
_BOX = (0.5, 0.51, 0.745, 0.945)


@dataclass(frozen=True)
class VirtualFace:
    """What is true of a drawn face.

    Attributes:
        label: Its expression; in a change the one that outweighs.
        strength: Share of `label` in what is drawn: 1, in a change 0.5 to 1.
        other: The other expression in a change; empty otherwise.
        box: x, y, width and height in pixels, where a detector would put it; inside the frame.
    """

    label: str
    strength: float
    other: str
    box: tuple[float, float, float, float]


class VirtualCamera(Source):
    """Faces moving before a background, every frame a pure function of the seed and its number.

        with VirtualCamera(faces=2, frames=300) as camera:
            for frame in camera:
                print(frame.index, [face.label for face in camera.truth(frame.index)])

    Each face is one person who goes through all seven expressions, in an order of its own. Faces keep
    apart unless two are told to cross.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = (640, 480),
        rate: float = 15.0,
        faces: int = 1,
        seed: int = 0,
        frames: int | None = None,
        cross: bool = False,
        live: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make a camera.

        Args:
            size: Width and height of the frames in pixels, each 64 to 4096.
            rate: Frames a second.
            faces: How many, 0 to `MAX_FACES`.
            seed: Seed of the persons, their paths and the background, 0 or more.
            frames: Where to end; never, if None.
            cross: The first two faces keep changing places, the second one passing in front.
            live: Give frames at their time and skip those that nobody took in time, as a camera
                does; otherwise as fast as they are asked for, `time` being the number over the rate.
            clock: Tells the time in seconds; for `live`.
            sleep: Waits for so many seconds; for `live`.

        Raises:
            UsageError: An option lies outside its range.
        """
        _check("size", size, "from 64 x 64 to 4096 x 4096 pixels", _SMALLEST <= min(size) <= max(size) <= _LARGEST)
        _check("rate", rate, "above 0 and at most 1000 frames a second", 0 < rate <= 1000)
        _check("faces", faces, f"0 to {MAX_FACES}", 0 <= faces <= MAX_FACES)
        _check("seed", seed, "a whole number of 0 or more", seed >= 0)
        _check("frames", frames, "1 or more", frames is None or frames >= 1)
        _check("cross", cross, "for two faces or more", not cross or faces >= 2)
        self.spec = f"virtual:faces={faces},seed={seed}"
        self.spec += f",frames={frames}" * (frames is not None) + ",cross=true" * cross + ",live=true" * live
        self.live = live  # type: ignore[misc]  (one class for both ways)
        self.size, self.rate, self.frames = size, rate, frames
        self._cross, self._clock, self._sleep = cross, clock, sleep
        self._persons = [Person(np.random.default_rng([seed, number])) for number in range(faces)]
        self._cells, self._cell = _grid(faces, size)
        self._background = _soft_background(np.random.default_rng([seed, MAX_FACES]), size)
        self._rate = rate
        self._next = 0
        self._start: float | None = None
        self._closed = False

    @classmethod
    def from_spec(cls, spec: str, *, size: tuple[int, int] | None = None, rate: float | None = None) -> VirtualCamera:
        """Make a camera from a text.

        Args:
            spec: `virtual:`, then options between commas: `faces`, `seed`, `frames` (numbers), `cross`
                and `live` (true or false), as in `virtual:faces=2,seed=7,frames=300`. A name alone
                means true.
            size: See the class; its default if None.
            rate: See the class; its default if None.

        Raises:
            UnknownNameError: There is no such option.
            UsageError: A value is no number or no truth value, or lies outside its range.
        """
        kind, _, text = spec.partition(":")
        _check("a virtual camera's text", spec, "virtual: and options", kind == "virtual")
        options: dict[str, int] = {}
        for part in filter(None, text.split(",")):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if name not in _OPTIONS:
                raise unknown("option of a virtual camera", name, _OPTIONS)
            if name in {"cross", "live"}:
                value = value.lower() if equals else "true"
                _check(name, value, "true or false", value in _SWITCH)
                options[name] = _SWITCH[value]
            else:
                number = value.isascii() and value.isdecimal() and len(value) <= 9
                _check(name, value, f"a whole number, for instance {name}=2", number)
                options[name] = int(value)
        given = {} if size is None else {"size": size}
        return cls(**given, **options, rate=15.0 if rate is None else rate)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames that are left."""
        while not self._closed:
            index = self._wait() if self.live else self._next
            if self._closed or (self.frames is not None and index >= self.frames):
                break
            self._next = index + 1
            yield self.frame(index)

    def close(self) -> None:
        """End the iteration."""
        self._closed = True

    def frame(self, index: int) -> Frame:
        """Draw any frame.

        Args:
            index: Its number, 0 or more.
        """
        image = self._background.copy()
        seconds = index / self._rate
        for number, person in enumerate(self._persons):
            person.draw(image, seconds, *self._place(number, seconds))
        return Frame(image, index, self._clock() if self.live else seconds)

    def truth(self, index: int) -> tuple[VirtualFace, ...]:
        """Tell what is in any frame, in the order in which it is drawn: what comes later is in front."""
        seconds = index / self._rate
        faces = []
        for number, person in enumerate(self._persons):
            (x, y), side, roll = self._place(number, seconds)
            now, then, share = person.expression(seconds)
            label, other, strength = (now, then, 1 - share) if share < 0.5 else (then, now, share)
            # The box's middle turns around the middle of the face's square.
            off = complex(_BOX[0] - 0.5, _BOX[1] - 0.5) * side * complex(math.cos(roll), math.sin(roll))
            width, height = side * _BOX[2], side * _BOX[3]
            box = (float(x + off.real - width / 2), float(y + off.imag - height / 2), width, height)
            faces.append(VirtualFace(label, strength, other if strength < 1 else "", box))
        return tuple(faces)

    def _place(self, number: int, seconds: float) -> tuple[NDArray[np.float64], float, float]:
        """Return middle (x, y) and side of a face's square in pixels, and its roll in radians."""
        middle, wander = self._cells[number], 1.0
        if self._cross and number < 2:
            share = (1 - math.cos(2 * math.pi * seconds / _CROSSING)) / 2
            # Close to their common path, so that one hides the other when they meet.
            middle, wander = middle + (self._cells[1 - number] - middle) * share, 0.1
        side = 0.4 * min(*self.size, 2 * self._cell.min())
        return self._persons[number].place(seconds, middle, side, wander * (self._cell - 1.15 * side) / 2)

    def _wait(self) -> int:
        """Wait for the next frame's time and return its number."""
        if self._start is None:
            self._start = self._clock()
        index = max(self._next, int((self._clock() - self._start) * self._rate))
        delay = self._start + index / self._rate - self._clock()
        if delay > 0:
            self._sleep(delay)
        return index


def _check(name: str, value: object, expected: str, good: bool) -> None:
    if not good:
        raise UsageError(f"{name} of a virtual camera is {value!r}; it must be {expected}")


def _grid(count: int, size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Divide the frame into a cell for each face: their middles [count, 2] and their size [2]."""
    columns = min(max(1, round(math.sqrt(count * size[0] / size[1]))), max(1, count))
    rows = max(1, math.ceil(count / columns))
    cell = np.array([size[0] / columns, size[1] / rows])
    return np.array([[n % columns + 0.5, n // columns + 0.5] * cell for n in range(count)]), cell


def _soft_background(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    colours = rng.uniform(80, 150, (4, 5, 1)) + rng.uniform(-8, 8, (4, 5, 3))
    return np.asarray(cv2.resize(colours.astype(np.uint8), size, interpolation=cv2.INTER_CUBIC), np.uint8)
