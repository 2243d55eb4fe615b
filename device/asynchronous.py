"""Who listens to a pipeline: several at once, and asyncio, whose event loop never waits for the work."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")
X = TypeVar("X")


class Broadcast(Generic[X]):
    """Hands what one iterator yields to everybody who listens; whoever asks while nothing is left makes it go on.

    So a task that waits for results and one that waits for events both get all of theirs. The listeners alone
    keep the iterator: it ends with the last of them, and is begun again for the next, who gets what one that
    wanted the same left untaken.

    Attributes:
        left: What was left, by `pick`.
    """

    def __init__(self) -> None:
        self._iterator: weakref.ref[Generator[X | None]] | None = None
        self._listeners: weakref.WeakSet[Listener[X, Any]] = weakref.WeakSet()
        self.left: dict[Callable[[X], Iterable[Any]], deque[Any]] = {}

    def listen(
        self, begin: Callable[[], Generator[X | None]], pick: Callable[[X], Iterable[T]], most: int
    ) -> Listener[X, T]:
        """Return what is picked from all that comes from now on; see `Listener`."""
        listener = Listener(self, begin, pick, most)
        self._listeners.add(listener)
        return listener

    def iterator(self, begin: Callable[[], Generator[X | None]]) -> Generator[X | None]:
        """Return the iterator, begun where there is none, or none that goes on."""
        iterator = self._iterator and self._iterator()
        if iterator is None or inspect.getgeneratorstate(iterator) == inspect.GEN_CLOSED:
            iterator = begin()
            self._iterator = weakref.ref(iterator)
        return iterator

    def hand_out(self, item: X) -> None:
        """Hand an item to every listener."""
        for listener in self._listeners:
            listener.take(item)


class Listener(Generic[X, T]):
    """Iterates over what one listener wants; None while there is nothing.

    Args:
        broadcast: What is listened to.
        begin: Makes what is listened to; None stands for "nothing yet" there.
        pick: Returns what is wanted of an item.
        most: How much waits for a listener that is slower than another; the oldest is dropped.
    """

    def __init__(
        self,
        broadcast: Broadcast[X],
        begin: Callable[[], Generator[X | None]],
        pick: Callable[[X], Iterable[T]],
        most: int,
    ) -> None:
        self._broadcast, self._begin, self._pick = broadcast, begin, pick
        self._iterator: Generator[X | None] | None = None
        self._waiting: deque[T] = deque(broadcast.left.pop(pick, ()), maxlen=most)

    def __del__(self) -> None:
        if self._waiting:
            self._broadcast.left[self._pick] = self._waiting

    def take(self, item: X) -> None:
        """Keep what is wanted of an item."""
        self._waiting.extend(self._pick(item))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T | None:
        if not self._waiting:
            self._iterator = self._broadcast.iterator(self._begin)
            if (item := next(self._iterator)) is not None:
                self._broadcast.hand_out(item)
        return self._waiting.popleft() if self._waiting else None


class Worker:
    """One thread that does one thing after another, started when it is first needed.

    So a pipeline is never in two threads at a time, also where one `async for` was cancelled and another begun.
    """

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None

    async def do(self, work: Callable[[], R]) -> R:
        """Do `work` in the thread and return its result, with its errors.

        Cancelling stops the waiting; the work goes on to its end, and what is done next waits for it.
        """
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def stop(self) -> None:
        """Let the thread end after what it does now, without waiting for it."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None


class Stream(Generic[T]):
    """What a pipeline gives one after another, for `for` and for `async for`.

    Each `async for` asks for the next one only when the body is done with the last: a slow body gets the
    newest frame of a live source next, and every frame of a clip. While no frame comes, the thread returns ten
    times a second, so that a cancelled task leaves nothing running; what was under way then is dropped.

    Args:
        items: Makes the iterator; None stands for "nothing yet".
        worker: The pipeline's thread.
    """

    def __init__(self, items: Callable[[], Iterator[T | None]], worker: Worker) -> None:
        self._items, self._worker = items, worker

    def __iter__(self) -> Iterator[T]:
        """Iterate in this thread."""
        return (item for item in self._items() if item is not None)

    def __aiter__(self) -> AsyncIterator[T]:
        """Iterate in the pipeline's thread."""
        return self._iterate(self._items())

    async def _iterate(self, items: Iterator[T | None]) -> AsyncIterator[T]:
        end = object()
        while (item := await self._worker.do(lambda: next(items, end))) is not end:
            if item is not None:
                yield item  # type: ignore[misc]  (not `end`)
