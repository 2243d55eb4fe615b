"""`ferlite bench`: its commands, of which latency, and new results against old, are here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ..models.errors import UsageError
from .accuracy import accuracy
from .console import Json, Models, place, print_disturbed, print_json, progress
from .faces import faces
from .footprint import footprint
from .gates import gates
from .pipeline import pipeline

app = typer.Typer(help="Measure model files and the pipeline; compare results.", no_args_is_help=True)
app.command()(accuracy)
app.command()(pipeline)
app.command()(faces)
app.command()(gates)
app.command()(footprint)


@app.command()
def latency(
    models: Models,
    threads: Annotated[str, typer.Option(help="Threads for one inference: 1, or several as 1,2,4 or 1-4.")] = "1",
    seconds: Annotated[float, typer.Option(min=0, help="Least time for each model.")] = 10.0,
    queries: Annotated[int, typer.Option(min=1, help="Least number of inferences of each model.")] = 1024,
    cold_starts: Annotated[int, typer.Option(min=0, help="Fresh processes for each model.")] = 5,
    as_json: Json = False,
) -> None:
    """Time models that take turns in one run: inferences, frames of 1 to 8 faces, cold starts.

    The machine's own convolution peak is measured in the same run. Begins with a line that says so if
    the machine was throttled or busy with something else.
    """
    from ..benchmarks import latency as bench

    counts = _numbers(threads)
    with progress("latency") as show:
        result = bench.measure(
            models,
            threads=counts,
            seconds=seconds,
            queries=queries,
            cold_starts=cold_starts,
            on_round=lambda share: show(share, ""),
        )
    print_disturbed(result, to_stderr=as_json)
    if as_json:
        print_json(result)
        return
    _print_latency(result)
    _print_frames(result)
    _print_starts(result)
    for peak in result["peaks"]:
        typer.echo(
            f"peak {peak['scheme']}, {peak['threads']} thread(s): {peak['gmacs_per_s']:.1f} GMAC/s ({peak['shape']})"
        )
    typer.echo(f"{place(result)}; models interleaved")


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(help="Reference result, JSON.")],
    new: Annotated[Path, typer.Argument(help="New result, JSON.")],
    fail_over: Annotated[
        str, typer.Option(help="Tolerated: of latency a share, of accuracy percentage points.")
    ] = "3%",
    force: Annotated[bool, typer.Option(help="Compare also other machines, runtimes or data.")] = False,
) -> None:
    """Hold a new result of accuracy or latency against an old one; exit code 1 if a model got worse.

    Worse is what lies beyond --fail-over and beyond the 95 % intervals.
    """
    from ..benchmarks import compare as bench

    before, after = bench.read(old), bench.read(new)
    verdicts = bench.compare(before, after, _share(fail_over), force=force)
    print_disturbed(after)
    for verdict in verdicts:
        typer.echo(f"{'regression: ' if verdict.worse else 'ok: '}{verdict.text}")
    if any(verdict.worse for verdict in verdicts):
        raise typer.Exit(1)


def _numbers(text: str) -> list[int]:
    """Read "1", "1,2,4" or "1-4"."""
    if not re.fullmatch(r"\d{1,2}(-\d{1,2})?(,\d{1,2}(-\d{1,2})?)*", text, re.ASCII):
        raise UsageError(f"--threads is {text!r}; expected numbers from 1 to 99, as in 1, 1,2,4 or 1-4")
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    numbers = sorted({number for part in ends for number in range(part[0], part[-1] + 1)})
    if not numbers or not numbers[0]:
        raise UsageError(f"--threads is {text!r}; a range begins at 1 or more and ends higher, as in 1-4")
    return numbers


def _share(text: str) -> float:
    """Read "3%" or "0.03"."""
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise UsageError(f"--fail-over is {text!r}; expected a share such as 3% or 0.03")
    return value


def _print_latency(result: dict[str, Any]) -> None:
    times = Table("model", "threads", "p50 ms [95 %]", "p90 ms", "p99 ms", "times the first")
    cost = Table("model", "scheme", "KB", "threads", "µs/MMAC", "of the peak", "XNNPACK")
    ratios = {(pair["models"][1], pair["threads"]): pair for pair in result["pairs"]}
    for row in result["models"]:
        low, high = row["p50_interval"]
        pair = ratios.get((row["file"], row["threads"]))
        times.add_row(
            row["file"],
            str(row["threads"]),
            f"{row['p50']:.3f} [{low:.3f}, {high:.3f}]",
            f"{row['p90']:.3f}",
            f"{row['p99']:.3f}",
            "{median_ratio:.3f} [{ratio_interval[0]:.3f}, {ratio_interval[1]:.3f}]".format(**pair) if pair else "",
        )
        cost.add_row(
            row["file"],
            row["scheme"],
            f"{row['bytes'] / 1e3:,.0f}",
            str(row["threads"]),
            f"{row['us_per_mmac']:.1f}" if row["us_per_mmac"] else "",
            f"{row['peak_share']:.0%}" if row["peak_share"] else "",
            "yes" if row["xnnpack"] else "no",
        )
    Console().print(times)
    Console().print(cost)


def _print_frames(result: dict[str, Any]) -> None:
    counts = [row["faces"] for row in result["models"][0]["faces"]]
    table = Table("model", "threads", *(f"{n} face{'s' * (n > 1)}" for n in counts), title="p50 ms a frame")
    for row in result["models"]:
        table.add_row(row["file"], str(row["threads"]), *(f"{frame['p50']:.3f}" for frame in row["faces"]))
    Console().print(table)


def _print_starts(result: dict[str, Any]) -> None:
    if not result["starts"]:
        return
    table = Table("model", "import ms", "load ms", "first inference ms", "whole process ms", "peak RSS MB")
    for row in result["starts"]:
        peak = row["peak_rss_mb"]
        values = (row["import_ms"], row["load_ms"], row["first_ms"], row["process_ms"])
        table.add_row(row["file"], *(f"{ms:.1f}" for ms in values), f"{peak:.0f}" if peak else "")
    Console().print(table)
