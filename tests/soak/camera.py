"""A camera that fails when it is asked to, as cameras fail by themselves."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from threading import Condition

import cv2
import numpy as np
from numpy.typing import NDArray

from ferlite import Frame, Source, VirtualCamera
from ferlite.errors import SourceError

SIZE = (640, 480)
"""Width and height of its frames at first."""


class Trouble:
    """What is wrong with a camera; shared by whoever opens it again.

    Attributes:
        gone: It is unplugged: it breaks off, and does not open.
        stalled: A read does not return.
        corrupt: Pictures come broken over the cable.
        size: Width and height of the frames in pixels, from the next opening on.
        given: Frames that it gave, so far.
    """

    def __init__(self) -> None:
        self.gone = self.stalled = self.corrupt = False
        self.size = SIZE
        self.given = 0
        self.changed = Condition()

    def set(self, **values: object) -> None:
        """Change some of it."""
        with self.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self.changed.notify_all()


class FaultyCamera(Source):
    """Drawn faces at a camera's pace, with a camera's faults.

    Args:
        trouble: What is wrong with it.
        rate: Frames a second.
        seed: Of the faces, and of what breaks.

    Raises:
        SourceError: It is unplugged.
    """

    live = True
    spec = "faulty camera"

    def __init__(self, trouble: Trouble, *, rate: float, seed: int) -> None:
        if trouble.gone:
            raise SourceError(f"{self.spec} is not there")
        self.rate, self.size = rate, trouble.size
        self._trouble, self._chance = trouble, random.Random(seed)
        # One face here, three elsewhere, a second each: somebody always comes or leaves.
        self._scenes = [VirtualCamera(size=self.size, rate=rate, faces=faces, seed=seed) for faces in (1, 3)]
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames until it is closed or unplugged."""
        index, due = 0, time.monotonic()
        while not self._closed:
            # What nobody took in time is gone.
            due = max(due + 1 / (self.rate or 1), time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            with self._trouble.changed:
                self._trouble.changed.wait_for(lambda: not self._trouble.stalled or self._closed)
            if self._trouble.gone:
                raise SourceError(f"{self.spec} was unplugged")
            image = self._scenes[int(due) % 2].frame(index).image
            if self._trouble.corrupt:
                image = _broken(image, self._chance)
            if image is None:
                self.damaged += 1
            else:
                self._trouble.given += 1
                yield Frame(image, index, time.monotonic())
            index += 1

    def close(self) -> None:
        """End the iteration; a read that hangs goes on to hang."""
        self._closed = True


def _broken(image: NDArray[np.uint8], chance: random.Random) -> NDArray[np.uint8] | None:
    """Return a picture as a bad cable delivers it; None where it does not decode."""
    data = bytearray(cv2.imencode(".jpg", image)[1].tobytes())
    for _ in range(chance.randint(1, 20)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    if chance.random() < 0.5:
        del data[chance.randrange(len(data)) :]
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if picture is None else np.asarray(picture, np.uint8)
