"""An output that works in a thread of its own, so that a slow disk holds up nothing."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from threading import Condition, Thread

import numpy as np

from ...errors import OutputError
from ..event_types import Event
from ..state import OutputState
from ..types import FrameResult
from .base import Output

_log = logging.getLogger(__name__)

_PATIENCE = 0.5  # seconds; what is stopped from outside ends within 2

_QUIET = 60.0  # seconds from one problem in the log to the next

_NOTHING = np.zeros((0, 0, 3), np.uint8)


class Background(Output):
    """Hands results and events to another output in a thread of its own, and goes on where that fails.

    Of more than its `backlog` the oldest is dropped. What is dropped, and what can't be written, is counted in
    `states`; what follows is tried again.

    Args:
        output: Where they go; stays open.
        clock: Gives seconds: a problem is logged once a minute at most.
    """

    def __init__(self, output: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self._output, self.name = output, output.name
        self._waiting: deque[FrameResult | Event] = deque()
        self._changed = Condition()
        self._dropped, self._problem = 0, ""
        self._clock, self._logged, self._quiet = clock, False, -math.inf
        self._closing = False
        self._thread = Thread(target=self._work, name=f"output {self.name}", daemon=True)
        self._thread.start()

    @property
    def states(self) -> tuple[OutputState, ...]:
        """How the output is doing."""
        with self._changed:
            slow = len(self._waiting) >= self._output.backlog and f"{self.name} is too slow: results are dropped"
            return (OutputState(self.name, self._dropped, self._problem or slow or ""),)

    def write(self, result: FrameResult) -> None:
        """Keep a result for the thread, without its pixels if the output doesn't read them."""
        if "results" in self._output.reads:
            if "pixels" not in self._output.reads:
                result = replace(result, frame=replace(result.frame, image=_NOTHING))
            self._put(result)

    def event(self, event: Event) -> None:
        """Keep an event for the thread."""
        if "events" in self._output.reads:
            self._put(event)

    def close(self) -> None:
        """Wait until the output has all that it was handed, or failed at it."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        try:
            self._thread.join()
        except KeyboardInterrupt:
            # Who does not wait for what waits still waits for the write under way, unless that hangs: whoever opened
            # the output closes it next.
            with self._changed:
                self._dropped += len(self._waiting)
                self._waiting.clear()
            self._thread.join(_PATIENCE)
            raise

    def _put(self, what: FrameResult | Event) -> None:
        with self._changed:
            if len(self._waiting) >= self._output.backlog:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(what)
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                what = self._waiting.popleft()
            self._hand_over(what)

    def _hand_over(self, what: FrameResult | Event) -> None:
        try:
            if isinstance(what, FrameResult):
                self._output.write(what)
            else:
                self._output.event(what)
        except Exception as error:
            # A defect of an output must not end its thread unseen.
            level = logging.WARNING if isinstance(error, OutputError) else logging.ERROR
            problem = str(error) or type(error).__name__
            # A disk with room for every other line must not fill the log instead.
            if not self._problem and self._clock() >= self._quiet:
                self._logged, self._quiet = True, self._clock() + _QUIET
                _log.log(level, "%s; the run goes on", problem, exc_info=level == logging.ERROR)
        else:
            problem = ""
            if self._logged:
                self._logged = False
                _log.warning("%s is written again", self.name)
        with self._changed:
            self._dropped += bool(problem)
            self._problem = problem
        self.done = self._output.done
