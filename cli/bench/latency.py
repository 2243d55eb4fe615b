"""`ferlite bench latency`."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from rich.table import Table

from ...data.results.latency import LatencyResult
from ...errors import UsageError
from ..console import Json, Models, PlainConsole, echo, place, print_disturbed, print_json, progress


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
    from ...benchmarks import latency as bench

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
        echo(f"peak {peak['scheme']}, {peak['threads']} thread(s): {peak['gmacs_per_s']:.1f} GMAC/s ({peak['shape']})")
    echo(f"{place(result)}; models interleaved")


def _numbers(text: str) -> list[int]:
    """Read "1", "1,2,4" or "1-4"."""
    if not re.fullmatch(r"\d{1,2}(-\d{1,2})?(,\d{1,2}(-\d{1,2})?)*", text, re.ASCII):
        raise UsageError(f"--threads is {text!r}; expected numbers from 1 to 99, as in 1, 1,2,4 or 1-4")
    ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    numbers = sorted({number for part in ends for number in range(part[0], part[-1] + 1)})
    if not numbers or not numbers[0]:
        raise UsageError(f"--threads is {text!r}; a range begins at 1 or more and ends higher, as in 1-4")
    return numbers


def _print_latency(result: LatencyResult) -> None:
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
    PlainConsole().print(times)
    PlainConsole().print(cost)


def _print_frames(result: LatencyResult) -> None:
    counts = [row["faces"] for row in result["models"][0]["faces"]]
    table = Table("model", "threads", *(f"{n} face{'s' * (n > 1)}" for n in counts), title="p50 ms a frame")
    for row in result["models"]:
        table.add_row(row["file"], str(row["threads"]), *(f"{frame['p50']:.3f}" for frame in row["faces"]))
    PlainConsole().print(table)


def _print_starts(result: LatencyResult) -> None:
    if not result["starts"]:
        return
    table = Table("model", "import ms", "load ms", "first inference ms", "whole process ms", "peak RSS MB")
    for row in result["starts"]:
        peak = row["peak_rss_mb"]
        values = (row["import_ms"], row["load_ms"], row["first_ms"], row["process_ms"])
        table.add_row(row["file"], *(f"{ms:.1f}" for ms in values), f"{peak:.0f}" if peak else "")
    PlainConsole().print(table)
