"""The base class of every source of frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from ...errors import UsageError, check_range
from ..closing import Closing
from ..state import State
from ..types import Frame

_LONGEST_SIDE = 16384

TICK = 0.1
"""Seconds that a source which can be watched waits at most before it says that no frame has come yet."""


class Source(Closing, ABC):
    """Frames one after another, uint8 BGR whatever they come from; read once, like an open file.

        with open_source("clip.mp4") as source:
            for frame in source:
                print(frame.time, frame.image.shape)

    Attributes:
        spec: Name of what was opened; secrets in an address are masked.
        live: Frames come at their own pace and are gone when not taken; times are `time.monotonic()`.
        newest_only: The source is read all the time and hands out its newest frame. A live source that
            does not is wrapped by the pipeline; see `newest.newest`.
        size: Width and height of the frames in pixels; of the first picture, for a folder.
        rate: Frames a second, where the source states it.
        dropped: Frames that came and were never handed out, so far.
        damaged: Frames that came and didn't decode, so far; those around them are handed out.
        reopened: How often the source was opened again after a loss, so far.
        state: How the source itself is doing; a pipeline adds what it sees.
    """

    spec: str
    live: bool = False
    newest_only: bool = False
    size: tuple[int, int]
    rate: float | None = None
    dropped: int = 0
    damaged: int = 0
    reopened: int = 0

    @property
    def state(self) -> State:
        """Running, unless the kind of source knows better."""
        return State("running")

    def watch(self) -> Iterator[Frame | None]:
        """Yield the frames that are left and, where the source can be `Watched`, None while none comes.

        Raises:
            SourceError: As iteration does.
            DataError: As iteration does.
        """
        yield from self

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames that are left; end after `close`.

        Raises:
            SourceError: The source broke off.
            DataError: A picture doesn't decode.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the device or file back; may be called again, and from another thread."""


class Watched(Source):
    """A source that may wait for long, and meanwhile lets its reader look after other things."""

    @abstractmethod
    def watch(self) -> Iterator[Frame | None]:
        """Yield the frames that are left, and None every `TICK` seconds while none comes."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames that are left, waiting for each."""
        return (frame for frame in self.watch() if frame is not None)


def check_size(size: tuple[int, int]) -> None:
    """Check the size of a source's frames.

    Raises:
        UsageError: It is no pair of whole numbers from 1 to 16384.
    """
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise UsageError(f"size is {size!r}; it must be width and height in pixels, for instance (640, 480)")
    for name, side in zip(("the width", "the height"), size, strict=True):
        check_range(name, side, 1, _LONGEST_SIDE, unit="pixels", whole=True)
