"""Who listens to a pipeline: several at once, and asyncio, whose event loop never waits for the work."""

from __future__ import annotations

import asyncio
import inspect
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, Self, TypeVar

from ..errors import UsageError

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
        self._lock = threading.RLock()  # asyncio listens in one thread and works in another

    def listen(
        self, begin: Callable[[], Generator[X | None]], pick: Callable[[X], Iterable[T]], most: int
    ) -> Listener[X, T]:
        """Return what is picked from all that comes from now on; see `Listener`."""
        with self._lock:
            listener = Listener(self, begin, pick, most)
            self._listeners.add(listener)
        return listener

    def iterator(self, begin: Callable[[], Generator[X | None]]) -> Generator[X | None]:
        """Return the iterator, begun where there is none, or none that goes on.

        Raises:
            UsageError: It is under way, in another thread or in the caller of a callback.
        """
        iterator = self._iterator and self._iterator()
        state = inspect.getgeneratorstate(iterator) if iterator else inspect.GEN_CLOSED
        if state == inspect.GEN_RUNNING:
            raise UsageError(
                "this pipeline is at work for somebody else; iterate over it in one thread and not in a callback, "
                "or by 'async for' in several tasks"
            )
        if iterator is None or state == inspect.GEN_CLOSED:
            iterator = begin()
            self._iterator = weakref.ref(iterator)
        return iterator

    def hand_out(self, item: X, asked: Listener[X, Any]) -> None:
        """Hand an item to every listener; who asked may have been cancelled since."""
        with self._lock:
            for listener in self._listeners:
                listener.take(item)
            if asked not in self._listeners:
                self._keep(asked.pick, asked.pick(item))

    def forget(self, listener: Listener[X, Any], waiting: Iterable[Any]) -> None:
        """Hand a listener no more; keep what it left for the next one that wants the same."""
        with self._lock:
            self._listeners.discard(listener)
            self._keep(listener.pick, waiting)

    def _keep(self, pick: Callable[[X], Iterable[Any]], items: Iterable[Any]) -> None:
        if not any(listener.pick is pick for listener in self._listeners):
            self.left.setdefault(pick, deque()).extend(items)


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
        self._broadcast, self._begin, self.pick = broadcast, begin, pick
        self._iterator: Generator[X | None] | None = None
        self._waiting: deque[T] = deque(broadcast.left.pop(pick, ()), maxlen=most)

    def close(self) -> None:
        """Listen no more; may be called again."""
        waiting, self._waiting = self._waiting, deque()
        self._broadcast.forget(self, waiting)

    def __del__(self) -> None:
        self.close()

    def take(self, item: X) -> None:
        """Keep what is wanted of an item."""
        self._waiting.extend(self.pick(item))

    def advance(self) -> bool:
        """Wait for what may be wanted, if nothing is left; return whether more can come."""
        if not self._waiting:
            self._iterator = self._broadcast.iterator(self._begin)
            try:
                item = next(self._iterator)
            except StopIteration:
                return False
            if item is not None:
                self._broadcast.hand_out(item, self)
        return True

    def pop(self) -> T | None:
        """Return what waits, the oldest first; None while nothing does."""
        return self._waiting.popleft() if self._waiting else None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T | None:
        if not self.advance():
            raise StopIteration
        return self.pop()


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
    times a second, so that a cancelled task leaves nothing running; what was under way then goes to the next one.

    Args:
        items: Makes the iterator; None stands for "nothing yet".
        worker: The pipeline's thread.
    """

    def __init__(self, items: Callable[[], Listener[Any, T]], worker: Worker) -> None:
        self._items, self._worker = items, worker

    def __iter__(self) -> Iterator[T]:
        """Iterate in this thread."""
        return (item for item in self._items() if item is not None)

    def __aiter__(self) -> AsyncIterator[T]:
        """Iterate in the pipeline's thread."""
        return self._iterate(self._items())

    async def _iterate(self, items: Listener[Any, T]) -> AsyncIterator[T]:
        try:
            # Taken here, not in the thread, so that a task that is cancelled while it waits takes nothing along.
            while await self._worker.do(items.advance):
                if (item := items.pop()) is not None:
                    yield item
        finally:
            items.close()
