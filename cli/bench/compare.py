"""`ferlite bench compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...data.results import files
from ...errors import UsageError
from ..console import echo, print_disturbed


def compare(
    old: Annotated[Path, typer.Argument(help="Reference result, JSON.")],
    new: Annotated[Path, typer.Argument(help="New result, JSON.")],
    fail_over: Annotated[
        str, typer.Option(help="Tolerated: of latency a share, of accuracy percentage points.")
    ] = "3%",
    force: Annotated[bool, typer.Option(help="Compare also other machines, runtimes or data.")] = False,
) -> None:
    """Compare a new result of accuracy or latency with an old one; exit code 1 if a model got worse.

    A model got worse if the change exceeds --fail-over and the 95 % interval.
    """
    from ...benchmarks import compare as bench

    before, after = (files.read(path, *bench.SCHEMAS) for path in (old, new))
    verdicts = bench.compare(before, after, _share(fail_over), force=force)
    if after["schema"] == files.LATENCY_SCHEMA:
        print_disturbed(after)
    for verdict in verdicts:
        echo(f"{'regression: ' if verdict.worse else 'ok: '}{verdict.text}")
    if any(verdict.worse for verdict in verdicts):
        raise typer.Exit(1)


def _share(text: str) -> float:
    """Read "3%" or "0.03"."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise UsageError(f"--fail-over is {text!r}; expected a share such as 3% or 0.03")
    return value
