"""Frames through a recognizer, one after another, and what happens announced."""

from __future__ import annotations

import asyncio
import sys
import time as clocks
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError, check_range, unknown
from ..models.preprocess import to_bgr
from .callbacks import Callbacks
from .closing import Closing
from .event_types import Event
from .events import EventRules, Events
from .listeners import Listeners, Stream, Turn, Worker
from .monitor import Monitor
from .outputs.background import Background
from .outputs.base import Output, Together
from .pace import Pace
from .recognizer import Recognizer
from .sources.base import Source
from .sources.newest import newest
from .sources.push import NoSource
from .state import RateLimit, State
from .types import Frame, FrameResult

Happening = FrameResult | tuple[Event, ...]
"""A frame's result, or events that came between two frames."""

T = TypeVar("T")

_END = object()


class Runner(Callbacks, Closing):
    """Reads frames, has the faces in them recognized, and hands results and events to everybody who listens.

    Attributes:
        source: Where the frames come from.
        classifiers: Classify the expressions, by the name of their model.
        classifier: The first of them.
        finder: Finds the faces.
    """

    def __init__(
        self,
        source: Source | None,
        recognizer: Recognizer,
        *,
        rules: EventRules | None = None,
        max_rate: float | None = None,
        clock: Callable[[], float] = clocks.monotonic,
        wall: Callable[[], float] = clocks.time,
        pause: Callable[[float], object] | None = None,
    ):
        """Make a pipeline of parts that are open already; `close` closes the source.

        Args:
            source: Where the frames come from; None if they are handed to `process`.
            recognizer: Finds and names the faces.
            rules: See `open`.
            max_rate: See `open`.
            clock: Gives the seconds of `time.monotonic()`.
            wall: Gives the seconds since the epoch.
            pause: Waits for so many seconds, 0.1 at most, until the next frame is due; returns early after `close`.

        Raises:
            UsageError: A live source lacks an attribute, or `max_rate` lies outside its range.
            UnknownNameError: `rules` names a label that the model lacks.
        """
        self.classifiers, self.finder = recognizer.classifiers, recognizer.finder
        self.classifier = next(iter(self.classifiers.values()))
        self._recognizer = recognizer
        self._clock = clock
        self._next = 0  # number of the next frame that is handed to `process`
        self._worker, self._listeners, self._turn = Worker(), Listeners[Happening](), Turn()
        self._frames: Iterator[Frame | None] | None = None  # under way
        self._events = Events(self._known(rules or EventRules()), keep=recognizer.keep, clock=clock, wall=wall)
        self._wall, self._outputs = wall, Together()
        self._pace = Pace(max_rate, clock=clock, pause=pause)
        self._read_from(source or NoSource())

    @property
    def state(self) -> State:
        """How the pipeline is doing now; may be read from any thread, also while a camera is lost."""
        return replace(self._monitor.state, outputs=self._outputs.states)

    def __iter__(self) -> Iterator[FrameResult]:
        """Yield the result of each frame until the source ends.

        Raises:
            SourceError: The source broke off, and for good.
        """
        return self.stream()

    def stream(self) -> Stream[Happening, FrameResult]:
        """Return the same results as iteration does, also for `async for`; see `Stream`."""
        return self._listen(_results, 1 if self.source.live else 64)

    def events(
        self,
        *,
        held: Mapping[str, float] | None = None,
        confirm: int | None = None,
        cooldown: float | None = None,
    ) -> Stream[Happening, Event]:
        """Return what happens, for `for` and `async for`: faces come, go and change, the source is lost and found.

            for event in pipeline.events(held={"happy": 1.0}):
                print(event.kind, event.to_json())

        What is given changes the rules of the pipeline from now on, also for callbacks, outputs and other listeners.

        Args:
            held: See `EventRules`; unchanged if None, as with the others.
            confirm: See `EventRules`.
            cooldown: See `EventRules`.

        Raises:
            UsageError: A value lies outside its range.
            UnknownNameError: The model has no such label.
        """
        given = {"held": held, "confirm": confirm, "cooldown": cooldown}
        rules = replace(self._events.rules, **{name: value for name, value in given.items() if value is not None})
        self._events.rules = self._known(rules)
        return self._listen(_events, 1000)

    def run(
        self,
        *outputs: Output,
        frames: int | None = None,
        undivided: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Write the result of each frame, and each event, to every output.

            with Pipeline.open("clip.mp4") as pipeline, JsonLines("clip.jsonl") as lines:
                pipeline.run(lines)

        Returns when the source ends, after `frames`, or when an output is `done`. Outputs stay open:
        close them as any file, or use them in a `with` statement. An exception, Ctrl-C included, ends
        the run at once; then outputs named first may hold one frame more than the others.

        While the source is live, a slow output does not hold up the pipeline: files are written in threads of
        their own, and where that fails the rest goes on; see `State.outputs`. A clip waits for its outputs.

        Args:
            outputs: Where results go, in this order.
            frames: Stop after so many frames; None for no limit.
            undivided: Is entered while the outputs take one result, and while they finish what waits, so that a signal
                can wait for its end.

        Raises:
            SourceError: The source broke off, and for good.
            OutputError: An output can't be written; while a live source is run, only one without a `backlog`.
            UsageError: `frames` is negative or no whole number.
        """
        if frames is not None:
            check_range("frames", frames, 0, sys.maxsize, whole=True)
        if frames == 0:
            return
        threads = ExitStack()
        try:
            # A clip waits for its outputs and loses nothing; a camera does not wait.
            aside = (
                threads.enter_context(Background(each)) if self.source.live and each.backlog else each
                for each in outputs
            )
            self._outputs = Together(*aside)
            self._feed(frames, undivided)
        finally:
            with undivided():
                threads.close()

    def limit(self, limit: RateLimit | None) -> None:
        """Look at no more frames of a live source than that from now on; may be called from any thread.

            pipeline.limit(RateLimit(5.0, "the battery is low"))

        The frames between are dropped and counted. `state.limit` shows the limit.

        Args:
            limit: The limit and its reason; None lifts it. `max_rate` goes on to hold.
        """
        self._pace.limit = limit

    def process(self, image: Frame | NDArray[np.uint8], time: float | None = None, *, rgb: bool = False) -> FrameResult:
        """Find and name the faces of one frame.

            pipeline = Pipeline.open(None)
            result = pipeline.process(image)

        Args:
            image: uint8 [h, w] grey, [h, w, 3] BGR or [h, w, 4] BGRA, of any size; or a `Frame`.
            time: When it was taken, in seconds on any clock that you keep to; `time.monotonic()` now if None. When
                it goes back, the faces seen so far are forgotten.
            rgb: The colours are in the order RGB or RGBA, as Pillow and picamera2's "BGR888" have them.

        Raises:
            DataError: Another shape or dtype.
            UsageError: `time` is not finite, is no number, or was given beside a `Frame`, which has its own.
        """
        if not isinstance(image, Frame):
            image = Frame(to_bgr(image, rgb=rgb), self._next, self._clock() if time is None else time)
            self._next += 1
        elif time is not None:
            raise UsageError("a time was given beside a Frame, which has its own; leave it out")
        # A still continues nothing: who was there before it has left.
        events: list[Event] = list(self._events.end()) if image.still else []
        faces, stages = self._recognizer(image)
        wall = self._monitor.saw(image)
        events += [*self._monitor.changes(), *self._events.update(faces, image.time, wall)]
        self.announce(events)
        return FrameResult(
            frame=image,
            faces=faces,
            stages=stages,
            dropped=self.source.dropped + self._listeners.dropped,
            damaged=self.source.damaged,
            reopened=self.source.reopened,
            wall=wall,
            events=tuple(events),
        )

    def _read_from(self, source: Source) -> None:
        try:
            self.source = newest(source)
        except BaseException:
            source.close()
            raise
        self._monitor = Monitor(self.source, clock=self._clock, wall=self._wall, pace=self._pace)

    def _listen(self, pick: Callable[[Happening], Iterable[T]], most: int) -> Stream[Happening, T]:
        return Stream(self._go_on, self._listeners, pick, most, self._worker)

    def _go_on(self) -> None:
        """Look at the next frame, or find out what happens while none comes, and hand it to the listeners.

        Raises:
            UsageError: That is being done.
        """
        with self._turn:
            if self.source.live and not self._pace.wait():
                return
            self._monitor.resume()
            self._frames = self._frames or self.source.watch()
            try:
                frame = next(self._frames, _END)
                if isinstance(frame, Frame):
                    self._pace.took()
                    self._listeners.hand_out(self.process(frame))
                elif frame is None:
                    self._monitor.wait()
                    self._hand_out([*self._monitor.changes(), *(self._events.wait() if self.source.live else [])])
                else:
                    self._end()
            except Exception as error:
                self._end(error)

    def _end(self, error: Exception | None = None) -> None:
        self._frames = None
        self._monitor.end(error)
        self._hand_out([*self._events.end(), *self._monitor.changes()])
        self._listeners.end(error)

    def _hand_out(self, events: list[Event]) -> None:
        self.announce(events)
        if events:
            self._listeners.hand_out(tuple(events))

    def _feed(self, frames: int | None, undivided: Callable[[], AbstractContextManager[object]]) -> None:
        results = 0
        try:
            for each in self._listen(_all, 64):
                with undivided():
                    self._outputs.take(each)
                results += isinstance(each, FrameResult)
                if results == frames or self._outputs.done:
                    break
        except KeyboardInterrupt:
            self._take_leave(self._outputs)
            raise
        self._take_leave(self._outputs)

    def _take_leave(self, output: Output) -> None:
        """Let everybody leave at the end of a run, so that each who appeared leaves in the outputs, too."""
        events = self._events.end()
        self.announce(events)
        for event in events:
            output.take(event)

    def _known(self, rules: EventRules) -> EventRules:
        for label in rules.held:
            if label not in self.classifier.labels:
                raise unknown("label", label, self.classifier.labels)
        return rules

    def close(self) -> None:
        """Stop capturing and close the source; may be called again, and from another thread."""
        self._pace.close()
        self.source.close()
        # Who is at work in another thread finds the source ended.
        with suppress(UsageError), self._turn:
            self._end()
        self._worker.stop()

    async def aclose(self) -> None:
        """As `close`, without holding up the event loop."""
        await asyncio.to_thread(self.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _results(what: Happening) -> list[FrameResult]:
    return [what] if isinstance(what, FrameResult) else []


def _events(what: Happening) -> tuple[Event, ...]:
    return what.events if isinstance(what, FrameResult) else what


def _all(what: Happening) -> Sequence[FrameResult | Event]:
    return [what] if isinstance(what, FrameResult) else what
