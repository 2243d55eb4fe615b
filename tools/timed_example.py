"""`python -m ferlite.tools.timed_example FILE SOURCE OUT`: run an example, and note when its events arrive.

The process of its own has what the example has, so that its memory and its CPU are the example's.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
import sys
import time
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from ..device.event_types import Event, FaceEvent
from ..device.listeners import Stream
from ..device.pipeline import Pipeline
from ..device.sensors import resident_mb
from ..device.types import FrameResult

_SETTLED = 1000  # frames after which memory should grow no more
_EVERY = 15  # frames between two looks at the memory


class _Log:
    """What is noted: numbers only."""

    def __init__(self) -> None:
        self.latencies, self.memory = array("d"), array("d")
        self.frames = self.dropped = 0
        self.start = self.cpu = 0.0

    def frame(self, result: FrameResult) -> None:
        """Count a frame; time begins with the first, so that importing and opening don't count."""
        if not self.frames:
            self.start, self.cpu = time.monotonic(), time.process_time()
        if self.frames % _EVERY == 0:
            self.memory.append(resident_mb() or 0.0)
        self.frames, self.dropped = self.frames + 1, result.dropped

    def arrived(self, events: Iterable[Event]) -> None:
        """Note how long ago the frames of these events were taken; who leaves at the end has none."""
        now = time.monotonic()
        self.latencies.extend(
            1000 * (now - event.time) for event in events if isinstance(event, FaceEvent) and event.kind != "left"
        )

    def to_json(self) -> dict[str, Any]:
        """Return what was noted, plain: times in seconds, latencies in milliseconds, memory in MB."""
        seconds = time.monotonic() - self.start
        return {
            "seconds": seconds,
            "frames": self.frames,
            "dropped": self.dropped,
            "latencies": list(self.latencies),
            "cpu_percent": 100 * (time.process_time() - self.cpu) / seconds,
            "settled_mb": self.memory[min(_SETTLED // _EVERY, len(self.memory) - 1)],
            "end_mb": self.memory[-1],
            "peak_mb": max(self.memory),
        }


_log = _Log()


class _TimedStream:
    """Notes the events of each result when it has come to the event loop."""

    def __init__(self, stream: Stream[Any, FrameResult]) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FrameResult:
        result = await anext(self._stream)
        _log.arrived(result.events)
        return result


class _TimedPipeline(Pipeline):
    """Notes each event when the example gets it."""

    _streamed = False

    def process(self, *args: Any, **options: Any) -> FrameResult:
        result = super().process(*args, **options)
        _log.frame(result)
        return result

    def announce(self, events: Iterable[Event]) -> None:
        if not self._streamed:
            _log.arrived(events)
        super().announce(events)

    def stream(self) -> Any:
        self._streamed = True
        return _TimedStream(super().stream())


def main(example: str, source: str, out: str) -> None:
    """Run an example until its source ends, and write what was noted as JSON.

    Args:
        example: Path of a program with a function `main(source)`, which opens one pipeline.
        source: What to give it.
        out: File to write.
    """
    spec = importlib.util.spec_from_file_location("example", example)
    if spec is None or spec.loader is None:
        raise ImportError(example)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.Pipeline = _TimedPipeline  # type: ignore[attr-defined]
    if inspect.iscoroutinefunction(module.main):
        asyncio.run(module.main(source))
    else:
        module.main(source)
    Path(out).write_text(json.dumps(_log.to_json()))


if __name__ == "__main__":
    main(*sys.argv[1:])
