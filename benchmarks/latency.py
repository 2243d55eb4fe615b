"""Latency of model files, measured side by side in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..models import modelfile, registry
from ..models.runtime import LoadedModel
from . import machine, statistics

SCHEMA = "ferlite-latency/1"

_BURST = 8
_WARM_UP = 50


def measure(
    models: Sequence[str | Path],
    *,
    threads: int = 1,
    queries: int = 1024,
    seconds: float = 10.0,
    seed: int = 0,
    on_round: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """Time single inferences, from input tensor to copied output.

    Models take turns in short bursts and random order, so that a machine that warms up, slows down or
    is disturbed treats all alike. The stopping rule is that of MLPerf's single-stream scenario
    (Reddi et al. 2020): at least so many queries and so many seconds, here for each model.

    Args:
        models: Names of shipped models or paths.
        threads: Threads for one inference.
        queries: Least number of timed inferences of each model.
        seconds: Least time spent on each model.
        seed: Of order and input; time does not depend on the pixels.
        on_round: Called with the share of the work that is done, 0 to 1.

    Returns:
        JSON-ready result: milliseconds p50, p90, p99 with 95 % intervals by model, and for each model
        after the first the ratio of the medians.

    Raises:
        FerliteError: Whatever loading a model raises.
    """
    rng = np.random.default_rng(seed)
    loaded = [LoadedModel(modelfile.read(registry.path(model)), threads=threads) for model in models]
    inputs = [_random_input(model, rng) for model in loaded]
    for model, value in zip(loaded, inputs, strict=True):
        for _ in range(_WARM_UP):
            model.run_raw(value)
    times: list[list[float]] = [[] for _ in loaded]
    spent = [0.0] * len(loaded)
    while min(spent) < seconds or len(times[0]) < queries:
        for place in rng.permutation(len(loaded)):
            model, value = loaded[place], inputs[place]
            for _ in range(_BURST):
                start = time.perf_counter()
                model.run_raw(value)
                elapsed = time.perf_counter() - start
                times[place].append(elapsed)
                spent[place] += elapsed
        on_round(min(1.0, min(spent) / seconds if seconds else 1.0, len(times[0]) / queries))
    rows = [_row(m, model, taken) for m, model, taken in zip(models, loaded, times, strict=True)]
    return {
        "schema": SCHEMA,
        **machine.describe(),
        "threads": threads,
        "models": rows,
        "pairs": [
            {"models": [rows[0]["file"], row["file"]], "median_ratio": row["p50"] / rows[0]["p50"]} for row in rows[1:]
        ],
    }


def _random_input(model: LoadedModel, rng: np.random.Generator) -> np.ndarray:
    detail = model.inputs[0]
    pixels = rng.integers(0, 256, tuple(detail["shape"]))
    return (pixels - 128 if detail["dtype"] == np.int8 else pixels).astype(detail["dtype"])


def _row(name: str | Path, model: LoadedModel, taken: list[float]) -> dict[str, Any]:
    milliseconds = 1000 * np.array(taken)
    row: dict[str, Any] = {
        "name": model.record.name if model.record else model.path.stem,
        "file": str(name),
        "bytes": model.path.stat().st_size,
        "scheme": model.record.scheme if model.record else np.dtype(model.inputs[0]["dtype"]).name,
        "macs": model.record.macs if model.record else 0,
        "xnnpack": model.uses_xnnpack,
        "queries": len(milliseconds),
    }
    for label, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        row[label], row[f"{label}_interval"] = statistics.quantile(milliseconds, share)
    return row
