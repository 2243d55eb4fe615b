"""Viewers: how many there are, and what is sent to each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from ..event_types import Event
from .feed import Feed, Shot
from .scene import Scene

_UNACKNOWLEDGED = 2  # messages; a third waits until the page says "next"
_SILENCE = 1.0  # seconds without a frame after which viewers hear how things are

# Codes of RFC 6455 and the registry that it opened.
_RESTARTING, _AGAINST_THE_RULES = 1012, 1008


class TooManyViewers(Exception):  # noqa: N818
    """As many look as may."""


class Viewers:
    """Sends each viewer what is newest, as fast as that viewer takes it; a page that takes nothing is dropped.

    A message to a page is 4 bytes, big-endian, with the length of the JSON that follows, and then the JPEG, which may
    be empty. The page answers each with "next". While no frame comes, a message without a picture goes out once a
    second.

    Args:
        feed: Where results and events come from.
        scene: What else there is to know.
        most: How many viewers there may be.
        patience: Seconds after which a page that takes nothing is dropped.

    Attributes:
        now: How many look.
        refused: How many were refused, so far.
        dropped: How many pages were dropped, so far.
    """

    def __init__(self, feed: Feed, scene: Scene, *, most: int, patience: float) -> None:
        self._feed, self._scene = feed, scene
        self._most, self._patience = most, patience
        self.now = self.refused = self.dropped = 0
        self._last: tuple[tuple[Shot | None, list[Event]], bytes] = (None, []), b""

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Count as a viewer within the block.

        Raises:
            TooManyViewers: There are as many as may be.
        """
        if self.now >= self._most:
            self.refused += 1
            raise TooManyViewers
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1

    async def page(self, socket: WebSocket) -> None:
        """Serve a page until it leaves, takes nothing for too long, or the feed ends."""
        credit = asyncio.BoundedSemaphore(_UNACKNOWLEDGED)
        tasks = [asyncio.create_task(each) for each in (self._send(socket, credit), _receive(socket, credit))]
        code = _AGAINST_THE_RULES
        try:
            (done, *_), _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            done.result()
            code = _RESTARTING if self._feed.ended else code
        except TimeoutError:
            self.dropped += 1
        except (WebSocketDisconnect, RuntimeError):  # how Starlette says that it left, or said what no page says
            return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(RuntimeError, WebSocketDisconnect):  # it left meanwhile
            await socket.close(code)

    async def _send(self, socket: WebSocket, credit: asyncio.Semaphore) -> None:
        shot_number = events = 0  # a new viewer gets the newest events at once
        while not self._feed.ended:
            async with asyncio.timeout(self._patience):
                await credit.acquire()
            shot = await self._feed.news(shot_number, events, _SILENCE)
            picture = await shot.picture() if shot else b""
            happened, events = self._feed.events_since(events)
            shot_number = shot.number if shot else shot_number
            message = await self._message(shot, happened, picture)
            async with asyncio.timeout(self._patience):
                await socket.send_bytes(message)

    async def _message(self, shot: Shot | None, events: list[Event], picture: bytes) -> bytes:
        # Most viewers get the same at the same time: it is written once.
        last, message = self._last
        if shot and shot is last[0] and events == last[1]:
            return message
        rest: dict[str, Any] = {
            "size": shot.size if shot else None,
            "events": [event.to_json() for event in events],
            **await self._scene.to_json(),
            "sent": round(time.time(), 3),
        }
        # The result is the long part, and the same for everybody.
        text = f'{{"result":{shot.json if shot else "null"},{json.dumps(rest, separators=(",", ":"))[1:]}'.encode()
        message = b"".join([len(text).to_bytes(4, "big"), text, picture])
        self._last = (shot, events), message
        return message

    async def pictures(self) -> AsyncIterator[bytes]:
        """Yield JPEG pictures, each the newest when the one before was taken."""
        number = 0
        while not self._feed.ended:
            shot = await self._feed.news(number, self._feed.events, _SILENCE)
            if shot:
                number = shot.number
                yield await shot.picture()

    async def events(self) -> AsyncIterator[Event | None]:
        """Yield events, and None once a second while nothing happens."""
        count = self._feed.events
        while not self._feed.ended:
            await self._feed.event(count, _SILENCE)
            happened, count = self._feed.events_since(count)
            for event in happened:
                yield event
            if not happened:
                yield None


async def _receive(socket: WebSocket, credit: asyncio.BoundedSemaphore) -> None:
    """Count what a page took, until it says anything else than "next", or says that more often than it was sent to.

    Raises:
        WebSocketDisconnect: It left.
    """
    while (message := await socket.receive()).get("text") == "next":
        try:
            credit.release()
        except ValueError:
            return
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect
