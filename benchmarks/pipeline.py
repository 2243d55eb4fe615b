"""The whole device at work: time of each stage, frames per second, drops, CPU and memory."""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np

from ..data.results.device import MemoryUse, PipelineResult, StageTimes
from ..data.results.files import PIPELINE_SCHEMA
from ..device.pipeline import Pipeline
from ..device.sensors import resident_mb
from ..device.types import FrameResult
from ..errors import check_range
from . import machine

SETTLED = 1000
"""After so many frames memory should grow no more."""

_SAMPLES = 100
_TIMED = 10_000  # frames whose times are kept, so that the log itself does not grow


def measure(
    pipeline: Pipeline,
    *,
    frames: int = 2000,
    on_frame: Callable[[int], None] = lambda done: None,
    clock: Callable[[], float] = time.monotonic,
    read_state: Callable[[], machine.State] = machine.State.read,
    resident: Callable[[], float | None] = resident_mb,
) -> PipelineResult:
    """Run a pipeline and account for its time and memory.

    Time begins with the first result, so that opening a camera doesn't count. A live source sets the
    pace, and what was not looked at in time is dropped; of any other source every frame is taken as
    fast as it can be. Drawing or decoding the frames counts in CPU and, but for a live source, in
    `wait`.

    Args:
        pipeline: What to run; it is not closed.
        frames: Stop after so many; a source may end before.
        on_frame: Called with the number of frames done.
        clock: Tells the time in seconds; that of the frames, for a live source.
        read_state: Tells the state of the machine before and after.
        resident: Tells the memory of this process in MB.

    Returns:
        JSON-ready: `stages` are detect, landmarks, classify, track, all of them (`total`) and the `wait` for a
        frame; `age_ms` is of a live source; `memory` is settled after `SETTLED` frames.

    Raises:
        SourceError: The source broke off.
        UsageError: `frames` is no whole number of 1 or more.
    """
    check_range("frames", frames, 1, sys.maxsize, whole=True)
    watch = machine.Watch.start(read_state)
    log = _Log(clock, resident, max(1, frames // _SAMPLES), max(1, frames // _TIMED))
    for result in islice(pipeline, frames):
        log.add(result, live=pipeline.source.live)
        on_frame(log.count)
    disturbed = watch.stop()
    if pipeline.source.live:
        # A camera drawn or read too slowly skips frames before anybody can count them as dropped.
        skipped = log.last_index - log.first_index + 1 - log.count
        log.dropped = max(log.dropped, skipped)
    given = log.count + log.dropped
    used, elapsed = log.cpu, log.elapsed
    return {
        "schema": PIPELINE_SCHEMA,
        **machine.describe(),
        **disturbed,
        "source": {
            "spec": pipeline.source.spec,
            "live": pipeline.source.live,
            "size": list(pipeline.source.size),
            "rate": pipeline.source.rate,
        },
        "model": {"name": pipeline.classifier.record.name, "scheme": pipeline.classifier.record.scheme},
        "frames": log.count,
        "faces_per_frame": log.faces / max(log.count, 1),
        "seconds": elapsed,
        "fps": (log.count - 1) / elapsed if elapsed > 0 else None,
        "dropped": log.dropped,
        "dropped_share": log.dropped / max(given, 1),
        "stages": {name: _quantiles(values) for name, values in log.stages.items()},
        "age_ms": _quantiles(log.ages) if log.ages else None,
        "cpu_percent": 100 * used / elapsed if elapsed > 0 else None,
        "memory": log.memory(),
    }


class _Log:
    """What is kept of the frames: numbers only, the memory of every so many frames, and the times of some."""

    def __init__(
        self, clock: Callable[[], float], resident: Callable[[], float | None], every: int, timed: int
    ) -> None:
        self._clock, self._resident, self._every, self._timed = clock, resident, every, timed
        self._start = self._end = self._cpu_start = self.cpu = 0.0
        self.count = self.faces = self.dropped = self.first_index = self.last_index = 0
        self.stages: dict[str, array[float]] = {}
        self.ages = array("d")
        self.samples: list[tuple[int, float]] = []

    @property
    def elapsed(self) -> float:
        """Seconds from the first result to the last."""
        return self._end - self._start

    def add(self, result: FrameResult, *, live: bool) -> None:
        now, busy = self._clock(), time.process_time()
        total = sum(result.stages.values())
        taken = {**result.stages, "total": total}
        if self.count:
            taken["wait"] = max(0.0, 1000 * (now - self._end) - total)
        else:
            self._start, self._cpu_start, self.first_index = now, busy, result.frame.index
        self._end, self.cpu, self.last_index = now, busy - self._cpu_start, result.frame.index
        self.count += 1
        self.faces += len(result.faces)
        self.dropped = result.dropped
        if self.count % self._timed == 0:
            for name, milliseconds in taken.items():
                self.stages.setdefault(name, array("d")).append(milliseconds)
            if live:
                self.ages.append(1000 * (now - result.frame.time))
        if self.count in {1, SETTLED} or self.count % self._every == 0:
            megabytes = self._resident()
            if megabytes is not None:
                self.samples.append((self.count, megabytes))

    def memory(self) -> MemoryUse | None:
        if not self.samples:
            return None
        settled = next((size for frame, size in self.samples if frame >= SETTLED), None)
        start, end = self.samples[0][1], self.samples[-1][1]
        return {
            "start": start,
            "settled": settled,
            "end": end,
            "growth": None if settled is None else end - settled,
            "samples": self.samples,
        }


def _quantiles(milliseconds: Sequence[float]) -> StageTimes:
    p50, p90 = np.quantile(milliseconds, (0.5, 0.9))
    return {"p50": float(p50), "p90": float(p90)}
