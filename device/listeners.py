"""Who listens to a pipeline: several at once, in a loop or by asyncio, whose event loop never waits for the work."""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

from ..errors import UsageError

T = TypeVar("T")
R = TypeVar("R")
X = TypeVar("X")

_PAUSE, _PAUSES = 0.005, 20  # seconds, and how many of them, that another listener gets to take what is his


class Listeners(Generic[X]):
    """Hands what happens to everybody who listens.

    Attributes:
        left: What a stream that is gone left for the next one that wants the same, by what it wants.
        dropped: How much was dropped because a listener was slower than another.
    """

    def __init__(self) -> None:
        self._streams: weakref.WeakSet[Stream[X, Any]] = weakref.WeakSet()
        self._away: set[Stream[X, Any]] = set()  # cancelled, while the work that they asked for is under way
        self._lock = threading.RLock()  # asyncio listens in one thread and works in another
        self.left: dict[Callable[[X], Iterable[Any]], deque[Any]] = {}
        self.dropped = 0

    def hand_out(self, item: X) -> None:
        """Hand an item to every stream."""
        with self._lock:
            for stream in list(self._streams):
                self.dropped += stream.take(item)
            for stream in self._away:
                self._leave(stream, stream.pick(item))

    def end(self, error: Exception | None) -> None:
        """Let every stream end when it has given all that waits in it: by an error, if there is one."""
        with self._lock:
            for stream in list(self._streams):
                stream.end(error)

    def enter(self, stream: Stream[X, Any]) -> Iterable[Any]:
        """Add a stream; return what was left for it."""
        with self._lock:
            self._streams.add(stream)
            return self.left.pop(stream.pick, ())

    def leave(self, stream: Stream[X, Any], *, working: bool = False) -> None:
        """Remove a stream; what waits in it is left, and what comes of the work that it asked for, if that goes on."""
        with self._lock:
            self._streams.discard(stream)
            self._leave(stream, stream.waiting)
            stream.waiting.clear()
            if working:
                self._away.add(stream)

    def settle(self, stream: Stream[X, Any]) -> None:
        """Note that the work that a stream asked for is done."""
        with self._lock:
            self._away.discard(stream)

    def others_are_full(self, stream: Stream[X, Any]) -> bool:
        """Return whether one more item would make another stream drop one."""
        with self._lock:
            return any(other.full for other in self._streams if other is not stream)

    def _leave(self, stream: Stream[X, Any], items: Iterable[Any]) -> None:
        if items and not any(other.pick is stream.pick for other in self._streams):
            self.left.setdefault(stream.pick, deque()).extend(items)


class Worker:
    """One thread that does one thing after another, started when it is first needed.

    So a pipeline is never in two threads at a time, also where one task was cancelled and another begun. It is a
    daemon: work that hangs does not keep the program from ending.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] | None = None

    def submit(self, work: Callable[[], R]) -> Future[R]:
        """Do `work` in the thread, after what it has to do already."""
        if self._jobs is None:
            self._jobs = SimpleQueue()
            _WorkerThread(self._jobs).start()
            weakref.finalize(self, self._jobs.put, None)
        future: Future[R] = Future()
        self._jobs.put((future, work))
        return future

    def stop(self) -> None:
        """Let the thread end after what it has to do, without waiting for it."""
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None


class _WorkerThread(threading.Thread):
    def __init__(self, jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]) -> None:
        super().__init__(name="pipeline", daemon=True)
        self.jobs = jobs

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            future, work = job
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            # Between two jobs the thread must not keep a pipeline that was dropped.
            del job, future, work


async def _done(work: Future[R]) -> R:
    """Wait for work that is done in another thread, and return its result, with its errors.

    asyncio's own `wrap_future` complains where Ctrl-C cancels a task just while the result is handed over.
    """
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def hand_over() -> None:
        with suppress(asyncio.InvalidStateError):
            done.set_result(None)

    def wake(work: Future[R]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(hand_over)

    work.add_done_callback(wake)
    await done
    return work.result()


@atexit.register
def _stop_workers() -> None:
    """Wait a moment for work under way: native code that returns to an interpreter which is gone aborts."""
    workers = [thread for thread in threading.enumerate() if isinstance(thread, _WorkerThread)]
    for worker in workers:
        worker.jobs.put(None)
    deadline = time.monotonic() + 1.0
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))


class Stream(Generic[X, T]):
    """What a pipeline gives one after another from now on, for `for` and `async for`, `next` and `anext`.

    The next one is looked for only when somebody asks and none waits: a slow body gets the newest frame of a live
    source next, and every frame of a clip. Where several listen to one pipeline, each gets all of what it asked for,
    unless it is slower than another: then results of a camera but the newest are dropped and counted.

    In asyncio the work is done in a thread of the pipeline's. A task that is cancelled takes nothing along.

    Args:
        go_on: Makes something happen, or returns after a tenth of a second.
        listeners: Whom it is handed to.
        pick: Returns what is wanted of what happens.
        most: How much may wait; the oldest is dropped.
        worker: The pipeline's thread.
    """

    def __init__(
        self,
        go_on: Callable[[], None],
        listeners: Listeners[X],
        pick: Callable[[X], Iterable[T]],
        most: int,
        worker: Worker,
    ) -> None:
        self._go_on, self._listeners, self.pick, self._worker = go_on, listeners, pick, worker
        self._most = most
        self._error: Exception | None = None
        self._over = False
        self._pauses = 0
        self.waiting: deque[T] = deque()
        self._enter()

    @property
    def full(self) -> bool:
        """Whether one more would drop the oldest that waits."""
        return len(self.waiting) >= self._most

    def take(self, item: X) -> int:
        """Keep what is wanted of an item; return how much was dropped for it."""
        self.waiting.extend(self.pick(item))
        dropped = max(0, len(self.waiting) - self._most)
        for _ in range(dropped):
            self.waiting.popleft()
        return dropped

    def end(self, error: Exception | None) -> None:
        """Raise `error`, or stop, after what waits."""
        self._over, self._error = True, error

    def close(self) -> None:
        """Listen no more; may be called again. What waits is left to the next stream of this kind."""
        self._over = True
        self._listeners.leave(self)

    def __del__(self) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while self._is_open():
            self._advance()
            if self.waiting:
                return self.waiting.popleft()
        raise StopIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        self._enter()
        while self._is_open():
            work = self._worker.submit(self._advance)
            try:
                await _done(work)
            except asyncio.CancelledError:
                work.cancel()  # if it has not begun
                # It may be asked again, or another one in its place.
                self._listeners.leave(self, working=not work.done())
                work.add_done_callback(lambda _: self._listeners.settle(self))
                raise
            # Taken here, not in the thread, so that a task that is cancelled while it waits takes nothing along.
            if self.waiting:
                return self.waiting.popleft()
        raise StopAsyncIteration

    def _enter(self) -> None:
        if not self._over:
            self.waiting.extend(self._listeners.enter(self))

    def _is_open(self) -> bool:
        if self.waiting or not self._over:
            return True
        error, self._error = self._error, None
        if error is not None:
            raise error
        return False

    def _advance(self) -> None:
        """Wait for what may be wanted, if nothing waits."""
        if self.waiting or self._over:
            return
        if self._pauses < _PAUSES and self._listeners.others_are_full(self):
            self._pauses += 1
            time.sleep(_PAUSE)
            return
        self._pauses = 0
        self._go_on()


class Turn:
    """Lets one at a time be at work.

    Raises:
        UsageError: Somebody is, in another thread or in the caller of a callback.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise UsageError(
                "this pipeline is at work for somebody else; iterate over it in one thread and not in a callback, "
                "or by 'async for' in several tasks"
            )

    def __exit__(self, *error: object) -> None:
        self._lock.release()
