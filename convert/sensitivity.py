"""How much the accuracy of int8 depends on the calibration set: its size and its draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..data.dataset import Faces
from ..data.results.conversion import CalibrationDraws, SensitivityResult
from ..data.results.files import SENSITIVITY_SCHEMA
from .calibrate import Method, calibrate, calibration_set
from .interpreter import accuracy
from .layers import choose, layers
from .quantize import quantize

COUNTS = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Sizes of calibration set that are tried."""


def measure(
    floating: bytes,
    train: Faces,
    validation: Faces,
    *,
    model: str,
    counts: Sequence[int] = COUNTS,
    seeds: int = 5,
    method: Method = "moving-average",
    keep_float: Sequence[str] = (),
    on_share: Callable[[float, str], None] = lambda share, remark: None,
) -> SensitivityResult:
    """Convert repeatedly, each time with another draw of the calibration set, and score each.

    Args:
        floating: Float32 flatbuffer.
        train: Faces to calibrate on.
        validation: Faces to score on.
        model: Name of the network, for the result.
        counts: Sizes of calibration set; those above the number of training faces are left out.
        seeds: Draws of each size.
        method: As in `calibrate`.
        keep_float: Layers to leave in float, by names as in `layers.choose`.
        on_share: Called with the share of the work that is done, and a short remark.

    Returns:
        JSON-ready accuracy of the float graph, and for each size that of int8 in each draw.
    """
    counts = [count for count in counts if count <= len(train)]
    kept = choose(layers(floating), keep_float)
    work, done = sum(counts) * seeds, 0
    rows: list[CalibrationDraws] = []
    for count in counts:
        scores = []
        for seed in range(seeds):
            ranges = calibrate(floating, calibration_set(train, count, seed), method)
            scores.append(accuracy(quantize(floating, ranges, keep_float=kept), validation))
            done += count
            on_share(done / work, f"{count} faces")
        spread = float(np.std(scores, ddof=1)) if seeds > 1 else 0.0
        rows.append({"faces": count, "mean": float(np.mean(scores)), "spread": spread, "int8": scores})
    return {
        "schema": SENSITIVITY_SCHEMA,
        "model": model,
        "method": method,
        "kept_float": [layer.name for layer in kept],
        "seeds": seeds,
        "validation_faces": len(validation),
        "float32": accuracy(floating, validation),
        "rows": rows,
    }
