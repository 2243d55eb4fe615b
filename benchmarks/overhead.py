"""What the pipeline costs beyond its three networks: both in CPU time, taking turns in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..data.results.device import Overhead
from ..device.pipeline import Pipeline
from ..models.runtime import LoadedModel

_WARM_UP = 20


def measure(
    pipeline: Pipeline, *, frames: int = 300, clock: Callable[[], float] = time.process_time
) -> Overhead | None:
    """Process frames, and after each run the bare networks as often as that frame, scanned whole, needs them.

    CPU time counts no waiting for other programs, and turns treat both alike, so that a busy machine
    disturbs the ratio little.

    Args:
        pipeline: What to run; its source must not be live. It is not closed.
        frames: Stop after so many.
        clock: Tells the CPU time in seconds.

    Returns:
        JSON-ready medians of CPU time; None if the source has too few frames.
    """
    networks = [_Bare(m) for m in (pipeline.finder.detector, pipeline.finder.landmarker, pipeline.classifier.model)]
    rows = []
    for number, frame in enumerate(islice(pipeline.source, _WARM_UP + frames)):
        start = clock()
        result = pipeline.process(frame)
        taken = clock() - start
        runs = (1, len(result.faces), sum(face.raw is not None for face in result.faces))
        bare = [network.run(count, clock) for network, count in zip(networks, runs, strict=True)]
        if number >= _WARM_UP:
            rows.append((taken, sum(bare), len(result.faces), *_each(bare, runs)))
    if not rows:
        return None
    whole, sums, faces, detector, landmarker, classifier = np.array(rows).T
    return {
        "pipeline": _milliseconds(whole),
        "networks": _milliseconds(sums),
        "ratio": float(np.median(whole / sums)),
        "faces": float(faces.mean()),
        "detector": _milliseconds(detector),
        "landmarker": _milliseconds(landmarker),
        "classifier": _milliseconds(classifier),
        "frames": len(rows),
    }


class _Bare:
    """A network that is run on the same input again and again."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        detail = model.inputs[0]
        pixels = np.random.default_rng(0).integers(0, 128, detail["shape"])
        self._input = pixels.astype(detail["dtype"])

    def run(self, times: int, clock: Callable[[], float]) -> float:
        """Return the seconds that so many inferences take."""
        start = clock()
        for _ in range(times):
            self._model.run_raw(self._input)
        return clock() - start


def _each(seconds: list[float], runs: tuple[int, ...]) -> list[float]:
    return [taken / count if count else np.nan for taken, count in zip(seconds, runs, strict=True)]


def _milliseconds(seconds: NDArray[np.float64]) -> float | None:
    known = seconds[~np.isnan(seconds)]
    return 1000 * float(np.median(known)) if len(known) else None
