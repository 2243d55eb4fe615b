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
        """Return the picture, drawn and encoded once, for whoever asks first."""
        if self._picture is None:
            self._picture = asyncio.get_running_loop().run_in_executor(self._worker, self._encode, self.result)
        # One viewer that leaves must not take the picture from the others.
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

    `put` and `put_event` are called in the pipeline's thread and return at once; all else belongs to the event
    loop. While nobody waits, nothing is drawn, encoded or written as JSON.

    Args:
        encode: Makes the picture of a result.
        worker: Where that is done.
    """

    def __init__(self, encode: Callable[[FrameResult], bytes], worker: Executor):
        self._encode, self._worker = encode, worker
        self._result: tuple[int, FrameResult] | None = None
        self._results = 0
        self._events: deque[tuple[int, Event]] = deque(maxlen=_EVENTS)
        self.events = 0  # so far
        self.kinds: Counter[str] = Counter()  # of them
        self._result_at = time.monotonic()
        self._shot: Shot | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting = 0
        self._calling = False
        self._news = asyncio.Event()

    def start(self) -> None:
        """Belong to the running event loop from now on."""
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Wake nobody any more."""
        self._loop = None

    def put(self, result: FrameResult) -> None:
        """Keep a result instead of the one before."""
        self._results += 1
        self._result, self._result_at = (self._results, result), time.monotonic()
        self._wake()

    def put_event(self, event: Event) -> None:
        """Keep an event."""
        self._events.append((self.events + 1, event))
        self.events += 1
        self.kinds[event.kind] += 1
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

    def events_since(self, number: int) -> list[Event]:
        """Return the events after so many, the newest 20 of them, oldest first."""
        return [event for count, event in list(self._events) if count > number]

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

    async def happening(self, events: int, patience: float) -> None:
        """Wait for an event beyond so many, and not longer than so many seconds."""
        await self._wait(lambda: self.events != events, patience)

    async def _wait(self, done: Callable[[], bool], patience: float) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(patience):
                while not done():
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
        if loop is None or not self._waiting or self._calling:
            return
        self._calling = True
        try:
            loop.call_soon_threadsafe(self._tell)
        except RuntimeError:  # closed meanwhile
            self._loop = None

    def _tell(self) -> None:
        self._calling = False
        news, self._news = self._news, asyncio.Event()
        news.set()
