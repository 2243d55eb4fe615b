"""`ferlite bench`: accuracy, latency and the whole pipeline, and new results against old."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ..device.classifier import DEFAULT_MODEL
from ..models.errors import UsageError
from .console import console, place, print_json, progress
from .faces import faces
from .footprint import footprint
from .gates import gates
from .playback import terminable
from .train import DATA_HELP

app = typer.Typer(help="Measure model files and the pipeline; compare results.", no_args_is_help=True)
app.command()(footprint)
app.command()(faces)
app.command()(gates)

Models = Annotated[list[str], typer.Argument(help="Shipped models or .tflite files, compared with one another.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command()
def accuracy(
    models: Models,
    data: Annotated[Path, typer.Option(help=DATA_HELP, show_default=False)],
    split: Annotated[
        str, typer.Option(help="train, validation (FER2013's PublicTest), or all of data without a test split.")
    ] = "validation",
    limit: Annotated[int | None, typer.Option(min=1, help="Score only the first so many faces.")] = None,
    votes: Annotated[
        Path | None, typer.Option(help="fer2013new.csv: score on the majority label of FER+ instead.")
    ] = None,
    labels: Annotated[
        str, typer.Option(help="Labels, with commas: score only their faces, the models choosing among these only.")
    ] = "",
    final: Annotated[
        Path | None,
        typer.Option(
            metavar="LOG",
            help="Score the test split (FER2013's PrivateTest), once for each model, and note it in LOG.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Score models on labelled faces, with intervals, and each against each."""
    from ..benchmarks import accuracy as bench
    from ..train import datasets, ferplus

    if final is None and split != datasets.ALL and datasets.split_name(split) == "test":
        raise UsageError(
            "the test split is for one last look: give --final LOG, which scores it and notes that it was seen; "
            "choose models on the validation split"
        )
    if final is not None and (limit or labels or split != "validation"):
        raise UsageError("--final is the one look at the whole test split: leave out --split, --limit and --labels")
    with console.status(f"reading {data}"):
        dataset = datasets.load(data)
        if votes:
            told = ferplus.read(votes)
            told.check(dataset)
            dataset = told.labelled(dataset)
    if final is not None:
        split = "test"
        bench.refuse_second_look(models, dataset, final)
    with progress("accuracy") as show:
        result = bench.measure(
            models,
            dataset,
            split,
            limit=limit,
            labels=[label.strip() for label in labels.split(",") if label.strip()],
            on_face=lambda done, total: show(done / total, f"{done}/{total}"),
        )
    if final is not None:
        bench.log_final(result, final)
    if as_json:
        print_json(result)
        return
    persons = f" of {result['data']['persons']:,} persons" if result["data"]["persons"] else ""
    _print_accuracy(result, f"{dataset.name}, {result['data']['split']}, n = {result['data']['faces']}{persons}")
    without = result.get("without_duplicates")
    if without:
        _print_accuracy(without, f"the same without {without['duplicates']} faces that are also in the training split")
    typer.echo(place(result))


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
    _print_disturbed(result, to_stderr=as_json)
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
def pipeline(
    source: Annotated[str, typer.Argument(help="Camera, url, clip, picture or folder; virtual:live=true for none.")],
    model: Annotated[str, typer.Option(help="Shipped model or .tflite file.")] = DEFAULT_MODEL,
    frames: Annotated[int, typer.Option(min=2, help="Stop after so many frames.")] = 2000,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Frames per second to ask of the source.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for one inference.")] = 1,
    detector_threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the face models, if not --threads.")
    ] = None,
    scan_every: Annotated[int, typer.Option(min=1, help="Scan whole frames for faces only every so many.")] = 1,
    as_json: Json = False,
) -> None:
    """Run the whole pipeline: time of each stage, frames per second, drops, CPU and memory.

    A live source sets the pace (virtual:live=true with --rate 30 is a camera of 30 frames a second);
    of a clip, frames are taken as fast as they can be. Then, but for a live source, frames and the
    bare networks take turns: what the pipeline adds to its networks, in CPU time.
    """
    from ..benchmarks import overhead
    from ..benchmarks import pipeline as bench
    from ..device.pipeline import Pipeline

    with ExitStack() as stack:
        stack.enter_context(terminable())
        options: dict[str, Any] = {
            "model": model,
            "threads": threads,
            "detector_threads": detector_threads,
            "rate": rate,
            "scan_every": scan_every,
        }
        opened = stack.enter_context(Pipeline.open(source, **options))
        show = stack.enter_context(progress("pipeline"))
        result = bench.measure(opened, frames=frames, on_frame=lambda done: show(done / frames, f"{done}/{frames}"))
        if not opened.source.live:
            again = stack.enter_context(Pipeline.open(source, **options))
            result["overhead"] = overhead.measure(again, frames=min(frames, 300))
    _print_disturbed(result, to_stderr=as_json)
    if as_json:
        print_json(result)
        return
    table = Table("stage", "p50 ms", "p90 ms")
    for name, taken in result["stages"].items():
        table.add_row(name, f"{taken['p50']:.2f}", f"{taken['p90']:.2f}")
    if result["age_ms"]:
        table.add_row("capture to result", f"{result['age_ms']['p50']:.2f}", f"{result['age_ms']['p90']:.2f}")
    Console().print(table)
    typer.echo(
        f"{result['frames']} frames with {result['faces_per_frame']:.1f} faces each in {result['seconds']:.1f} s: "
        f"{result['fps'] or 0:.1f} a second, {result['dropped']} dropped ({result['dropped_share']:.1%}); "
        f"CPU {result['cpu_percent'] or 0:.0f} % of one core"
    )
    cost = result.get("overhead")
    if cost:
        single = ", ".join(
            f"{name} {cost[name]:.2f}" for name in ("detector", "landmarker", "classifier") if cost[name]
        )
        typer.echo(
            f"CPU time a frame with {cost['faces']:.1f} faces {cost['pipeline']:.2f} ms, {cost['ratio']:.2f} times the "
            f"{cost['networks']:.2f} ms of its networks alone ({single} ms an inference), taking turns"
        )
    memory = result["memory"]
    if memory:
        growth = "" if memory["growth"] is None else f" ({memory['growth']:+.1f} since frame 1,000)"
        typer.echo(f"memory {memory['start']:.0f} MB at the first frame, {memory['end']:.0f} at the last{growth}")
    typer.echo(place(result))


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
    _print_disturbed(after)
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


def _print_disturbed(result: dict[str, Any], *, to_stderr: bool = False) -> None:
    if result.get("disturbed"):
        text = f"disturbed: {'; '.join(result['disturbed'])}. Measure again before quoting this."
        typer.echo(text, err=to_stderr)


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


def _print_accuracy(result: dict[str, Any], title: str) -> None:
    table = Table("model", "scheme", "accuracy [95 %]", "balanced", "macro-F1", "ECE", title=title)
    for row in result["models"]:
        low, high = row["interval"]
        table.add_row(
            row["file"],
            row["scheme"],
            f"{row['accuracy']:.2%} [{low:.1%}, {high:.1%}]",
            f"{row['balanced_accuracy']:.1%}",
            f"{row['macro_f1']:.3f}",
            f"{row['calibration_error']:.3f}",
        )
    Console().print(table)
    labels = list(result["models"][0]["recall"])
    recall = Table("recall", *labels)
    for row in result["models"]:
        shares = (row["recall"].get(label) for label in labels)
        recall.add_row(row["file"], *("" if share is None else f"{share:.1%}" for share in shares))
    Console().print(recall)
    for pair in result["pairs"]:
        low, high = pair["difference_interval"]
        typer.echo(
            f"{pair['models'][1]} against {pair['models'][0]}: {100 * pair['difference']:+.2f} points "
            f"[{100 * low:+.2f}, {100 * high:+.2f}], same answer on {pair['agreement']:.2%}, right alone on "
            f"{pair['only_second_right']} against {pair['only_first_right']}, McNemar p = {pair['mcnemar_p']:.2f}"
        )
