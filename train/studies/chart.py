"""The picture that a study leaves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..figures import save
from .row import Row


def draw_study(rows: Sequence[Row], title: str, path: str | Path) -> None:
    """Draw the accuracy of a study's variants with 95 % intervals, float beside int8.

    Args:
        rows: Of the study; those that were not run are named without a mark.
        title: Title of the picture.
        path: PNG file to write.
    """
    figure = Figure(figsize=(8, 1.2 + 0.42 * len(rows)), layout="constrained")
    axis = figure.subplots()
    for shift, name, colour in ((-0.12, "float32", "tab:blue"), (0.12, "int8", "tab:orange")):
        scored = [(place, getattr(row, name)) for place, row in enumerate(rows) if getattr(row, name)]
        if scored:
            share = np.array([scores.accuracy for _, scores in scored])
            ends = np.array([scores.interval for _, scores in scored])
            places = [place + shift for place, _ in scored]
            bars = np.abs(ends.T - share) * 100
            axis.errorbar(share * 100, places, xerr=bars, fmt="o", color=colour, capsize=3, label=name)
    axis.set_yticks(range(len(rows)), [row.variant + (" (not run)" if row.why_not else "") for row in rows])
    axis.invert_yaxis()
    axis.set(title=title, xlabel="accuracy in %, with 95 % interval")
    axis.grid(alpha=0.3, axis="x")
    if axis.containers:
        axis.legend(loc="best")
    save(figure, path)
