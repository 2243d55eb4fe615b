"""The newest result and the events since, handed from the pipeline's thread to many viewers in an event loop."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor

from ..event_types import Event
from ..types import FrameResult

_EVENTS = 20  # that a viewer gets at most at once


class Shot:
    """A result, and its picture once somebody asks for it.

    Args:
        number: Counts the results, from 1.
        result: What was seen.
        encode: Makes the picture.
        worker: Where that is done.
    """

    def __init__(self, number: int, result: FrameResult, encode: Callable[[FrameResult], bytes], worker: Executor):
        self.number, self.result = number, result
        self._encode, self._worker = encode, worker
        self._picture: asyncio.Future[bytes] | None = None
        self._json = ""

    async def picture(self) -> bytes:
        """Return the picture, drawn and encoded once, when somebody asks first."""
        if self._picture is None:
            self._picture = asyncio.get_running_loop().run_in_executor(self._worker, self._encode, self.result)
        # A viewer that leaves must not take the picture from the others.
        return await asyncio.shield(self._picture)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frame in pixels."""
        height, width = self.result.frame.image.shape[:2]
        return width, height

    @property
    def json(self) -> str:
        """The result as JSON, written once."""
        self._json = self._json or json.dumps(self.result.to_json(), separators=(",", ":"))
        return self._json


class Feed:
    """Keeps the newest result and the newest events, and wakes who waits for them.

    `put` and `put_event` are called in the pipeline's thread and return at once; `start` and what waits belong to the
    event loop. While nobody waits, nothing is drawn, encoded or written as JSON.

    Args:
        encode: Makes the picture of a result.
        worker: Where that is done.

    Attributes:
        events: How many events there were.
        kinds: How many there were of each kind.
        ended: Nothing more comes.
    """

    def __init__(self, encode: Callable[[FrameResult], bytes], worker: Executor):
        self.events, self.kinds, self.ended = 0, Counter[str](), False
        self._encode, self._worker = encode, worker
        self._result: tuple[int, FrameResult] | None = None
        self._result_at = time.monotonic()
        self._newest: deque[tuple[int, Event]] = deque(maxlen=_EVENTS)
        self._shot: Shot | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting = 0
        self._called = False
        self._news = asyncio.Event()

    def start(self) -> None:
        """Belong to the running event loop from now on."""
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """Let nobody wait any more."""
        self._loop, self.ended = None, True
        self._news.set()

    def put(self, result: FrameResult) -> None:
        """Keep a result instead of the one before."""
        self._result_at = time.monotonic()
        self._result = (self._result[0] if self._result else 0) + 1, result
        self._wake()

    def put_event(self, event: Event) -> None:
        """Keep an event."""
        self.kinds[event.kind] += 1
        self._newest.append((self.events + 1, event))
        self.events += 1
        self._wake()

    @property
    def silent(self) -> float:
        """Seconds since the newest result, or since the beginning."""
        return time.monotonic() - self._result_at

    @property
    def shot(self) -> Shot | None:
        """The newest result; None before the first."""
        newest = self._result
        if newest is not None and (self._shot is None or self._shot.number != newest[0]):
            self._shot = Shot(*newest, self._encode, self._worker)
        return self._shot

    def events_since(self, count: int) -> tuple[list[Event], int]:
        """Return the newest 20 of the events after so many, oldest first, and how many there were in all."""
        newest = list(self._newest)
        return [event for number, event in newest if number > count], newest[-1][0] if newest else 0

    async def news(self, shot: int, events: int, patience: float) -> Shot | None:
        """Wait for a newer result or event.

        Args:
            shot: Number of the result that the viewer has.
            events: How many events it knows of.
            patience: Seconds to wait at most.

        Returns:
            The newest result if the viewer has not got it.
        """
        await self._wait(lambda: self._newer(shot) or self.events != events, patience)
        return self.shot if self._newer(shot) else None

    async def event(self, events: int, patience: float) -> None:
        """Wait for one more event than so many, and not longer than so many seconds."""
        await self._wait(lambda: self.events != events, patience)

    async def _wait(self, done: Callable[[], bool], patience: float) -> None:
        # Counted before looking, as the pipeline's thread counts after putting: one of both sees the other.
        self._waiting += 1
        try:
            async with asyncio.timeout(patience):
                while not (self.ended or done()):
                    await self._news.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1

    def _newer(self, shot: int) -> bool:
        return self._result is not None and self._result[0] != shot

    def _wake(self) -> None:
        # One call at a time: a loop that is held up must not gather them.
        loop = self._loop
        if loop is None or not self._waiting or self._called:
            return
        self._called = True
        try:
            loop.call_soon_threadsafe(self._tell)
        except RuntimeError:  # closed meanwhile
            self._loop = None

    def _tell(self) -> None:
        self._called = False
        news, self._news = self._news, asyncio.Event()
        news.set()
