"""Latency of model files, measured side by side in one run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.results.files import LATENCY_SCHEMA
from ..data.results.latency import FrameTimes, LatencyResult, ModelTimes, PairedTimes, Peak
from ..models import modelfile, registry
from ..models.files import sha256
from ..models.runtime import LoadedModel
from . import cold_start, machine, peak, statistics

_WARM_UP = 50
_TURN = 0.02  # seconds
_PEAK_BURST = 4


def measure(
    models: Sequence[str | Path],
    *,
    threads: Sequence[int] = (1,),
    faces: Sequence[int] = (1, 2, 4, 8),
    queries: int = 1024,
    seconds: float = 10.0,
    cold_starts: int = 5,
    with_peak: bool = True,
    seed: int = 0,
    on_round: Callable[[float], None] = lambda share: None,
    read_state: Callable[[], machine.State] = machine.State.read,
) -> LatencyResult:
    """Time single inferences, from input tensor to copied output.

    Every model, with every number of threads, takes turns in short bursts and random order, so that a
    machine that warms up, slows down or is disturbed treats all alike. Turns last about equally long
    for all. The stopping rule is that of MLPerf's single-stream scenario (Reddi et al. 2020): at
    least so many queries and so many seconds, here for each.

    A frame with k faces is k inferences in a row: bursts are cut into such frames. The machine's own
    convolution peak takes its turns in the same run.

    Args:
        models: Names of shipped models or paths.
        threads: Numbers of threads for one inference, each measured.
        faces: Numbers of faces in a frame.
        queries: Least number of timed inferences of each model.
        seconds: Least time spent on each model.
        cold_starts: Fresh processes for each model, see `cold_start.measure`; 0 leaves this out.
        with_peak: Measure the peak too, where LiteRT is installed.
        seed: Of order and input; time does not depend on the pixels.
        on_round: Called with the share of the work that is done, 0 to 1.
        read_state: Tells the state of the machine before and after.

    Returns:
        JSON-ready times: a row for each number of threads and each model, and a pair for each model after the
        first with it.

    Raises:
        FerliteError: Whatever loading a model raises.
    """
    rng = np.random.default_rng(seed)
    paths = [registry.path(model) for model in models]
    files = [modelfile.read(path) for path in paths]
    burst = math.lcm(*faces)
    runners = [
        _Runner(LoadedModel(file, threads=count), count, place, burst, rng)
        for count, (place, file) in product(threads, enumerate(files))
    ]
    peaks = _peaks(runners, rng) if with_peak and peak.available() else []
    starts = [cold_start.measure(path, runs=cold_starts) for path in paths] if cold_starts else []
    _balance(runners)
    everyone = [*runners, *(runner for runner, _ in peaks)]
    watch = machine.Watch.start(read_state)
    share = 0.0
    while share < 1:
        for place in rng.permutation(len(everyone)):
            everyone[place].turn()
        share = min(
            min(runner.spent / seconds if seconds else 1.0, runner.queries / queries, 1.0) for runner in runners
        )
        on_round(share)
    reached: list[Peak] = [
        {
            "scheme": runner.scheme,
            "threads": runner.threads,
            "shape": str(shape),
            "xnnpack": runner.model.uses_xnnpack,
            "gmacs_per_s": shape.macs / float(np.median(runner.times())) / 1e9,
        }
        for runner, shape in peaks
    ]
    return {
        "schema": LATENCY_SCHEMA,
        **machine.describe(),
        **watch.stop(),
        "threads": list(threads),
        "models": [_row(models[runner.place], runner, faces, reached) for runner in runners],
        "pairs": [
            _pair(models, first, second)
            for first, second in product(runners, runners)
            if first.threads == second.threads and first.place == 0 < second.place
        ],
        "peaks": reached,
        "starts": [{"file": str(model), **start} for model, start in zip(models, starts, strict=False)],
    }


class _Runner:
    """A loaded model that takes its turns and keeps the time.

    Attributes:
        model: The model.
        threads: Threads of one inference.
        place: Number of the model among those measured.
        bursts: Bursts in a turn.
        burst: Inferences in a burst.
    """

    def __init__(self, model: LoadedModel, threads: int, place: int, burst: int, rng: np.random.Generator) -> None:
        self.model, self.threads, self.place = model, threads, place
        self.bursts, self.burst = 1, burst
        self._input = _random_input(model, rng)
        self._turns: list[NDArray[np.float64]] = []
        self.spent = 0.0

    @property
    def scheme(self) -> str:
        record = self.model.record
        return record.scheme if record else np.dtype(self.model.inputs[0]["dtype"]).name

    @property
    def queries(self) -> int:
        """Inferences timed so far."""
        return len(self._turns) * self.bursts * self.burst

    def warm_up(self) -> float:
        """Run untimed, then return the seconds that one burst takes."""
        for _ in range(_WARM_UP):
            self.model.run_raw(self._input)
        return float(np.median([np.ptp(self._stamps()) for _ in range(3)]))

    def turn(self) -> None:
        stamps = np.array([self._stamps() for _ in range(self.bursts)])
        self._turns.append(stamps)
        self.spent += float(np.ptp(stamps, axis=1).sum())

    def times(self, faces: int = 1) -> NDArray[np.float64]:
        """Return the seconds of frames with so many faces, each timed alone."""
        return np.diff(np.concatenate(self._turns)[:, ::faces], axis=1).ravel()

    def medians(self) -> NDArray[np.float64]:
        """Return the median seconds of one inference, turn by turn."""
        return np.array([np.median(np.diff(turn, axis=1)) for turn in self._turns])

    def _stamps(self) -> list[float]:
        stamps = [time.perf_counter()]
        for _ in range(self.burst):
            self.model.run_raw(self._input)
            stamps.append(time.perf_counter())
        return stamps


def _peaks(runners: list[_Runner], rng: np.random.Generator) -> list[tuple[_Runner, peak.Shape]]:
    """Make a runner of the fastest convolution for each dtype and number of threads that is measured."""
    found = []
    for threads in sorted({runner.threads for runner in runners}):
        for scheme in ("int8", "float32"):
            shape, model = peak.fastest(scheme, threads)
            found.append((_Runner(model, threads, 0, _PEAK_BURST, rng), shape))
    return found


def _balance(runners: list[_Runner]) -> None:
    """Give faster models more bursts in a turn, so that all fill their time at once.

    A turn of all but the slowest models lasts `_TURN`: short against what disturbs a machine, long
    against the turns of the peak.
    """
    times = [runner.warm_up() for runner in runners]
    for runner, taken in zip(runners, times, strict=True):
        runner.bursts = max(1, round(max(_TURN, *times) / taken))


def _random_input(model: LoadedModel, rng: np.random.Generator) -> NDArray[Any]:
    detail = model.inputs[0]
    pixels = rng.integers(0, 256, tuple(detail["shape"]))
    return (pixels - 128 if detail["dtype"] == np.int8 else pixels).astype(detail["dtype"])


def _row(name: str | Path, runner: _Runner, faces: Sequence[int], peaks: list[Peak]) -> ModelTimes:
    model = runner.model
    milliseconds = 1000 * runner.times()
    macs = model.record.macs if model.record else 0
    # An int8 graph is held against the int8 peak, any other against the float one.
    kind = "int8" if runner.scheme == "int8" else "float32"
    reached = [p["gmacs_per_s"] for p in peaks if (p["scheme"], p["threads"]) == (kind, runner.threads)]
    (p50, p50_interval), (p90, p90_interval), (p99, p99_interval) = (
        statistics.quantile(milliseconds, share) for share in (0.5, 0.9, 0.99)
    )
    return {
        "name": model.record.name if model.record else model.path.stem,
        "file": str(name),
        "sha256": sha256(model.path.read_bytes()),
        "bytes": model.path.stat().st_size,
        "scheme": runner.scheme,
        "threads": runner.threads,
        "macs": macs,
        "xnnpack": model.uses_xnnpack,
        "queries": len(milliseconds),
        "p50": p50,
        "p50_interval": p50_interval,
        "p90": p90,
        "p90_interval": p90_interval,
        "p99": p99,
        "p99_interval": p99_interval,
        "faces": [_frame(count, 1000 * runner.times(count)) for count in faces],
        "histogram": statistics.histogram(milliseconds),
        "us_per_mmac": 1e9 * p50 / macs if macs else None,
        "peak_share": macs / p50 / 1e6 / reached[0] if macs and reached else None,
    }


def _frame(faces: int, milliseconds: NDArray[np.float64]) -> FrameTimes:
    p50, interval = statistics.quantile(milliseconds, 0.5)
    return {"faces": faces, "p50": p50, "p50_interval": interval, "p90": float(np.quantile(milliseconds, 0.9))}


def _pair(models: Sequence[str | Path], first: _Runner, second: _Runner) -> PairedTimes:
    # Round by round, because what disturbs one model in a round disturbs the other too.
    ratio, interval = statistics.quantile(second.medians() / first.medians(), 0.5)
    return {
        "models": [str(models[first.place]), str(models[second.place])],
        "threads": first.threads,
        "median_ratio": ratio,
        "ratio_interval": interval,
    }
