"""Iterating over a pipeline from asyncio: the work is done in a thread, and the event loop never waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


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

    async def __aiter__(self) -> AsyncIterator[T]:
        """Iterate in the pipeline's thread."""
        items, end = self._items(), object()
        while (item := await self._worker.do(lambda: next(items, end))) is not end:
            if item is not None:
                yield item  # type: ignore[misc]  (not `end`)
