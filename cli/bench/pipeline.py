"""`ferlite bench pipeline`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Any

import typer
from rich.table import Table

from ...device.classifier import DEFAULT_MODEL
from ..console import Json, PlainConsole, echo, place, print_disturbed, print_json, progress
from ..signals import Stopping


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
    from ...benchmarks import overhead
    from ...benchmarks import pipeline as bench
    from ...device.pipeline import Pipeline

    with ExitStack() as stack:
        stack.enter_context(Stopping())
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
    print_disturbed(result, to_stderr=as_json)
    if as_json:
        print_json(result)
        return
    table = Table("stage", "p50 ms", "p90 ms")
    for name, taken in result["stages"].items():
        table.add_row(name, f"{taken['p50']:.2f}", f"{taken['p90']:.2f}")
    if result["age_ms"]:
        table.add_row("capture to result", f"{result['age_ms']['p50']:.2f}", f"{result['age_ms']['p90']:.2f}")
    PlainConsole().print(table)
    echo(
        f"{result['frames']} frames with {result['faces_per_frame']:.1f} faces each in {result['seconds']:.1f} s: "
        f"{result['fps'] or 0:.1f} a second, {result['dropped']} dropped ({result['dropped_share']:.1%}); "
        f"CPU {result['cpu_percent'] or 0:.0f} % of one core"
    )
    cost = result.get("overhead")
    if cost:
        networks = (
            ("detector", cost["detector"]), ("landmarker", cost["landmarker"]), ("classifier", cost["classifier"])
        )  # fmt: skip
        single = ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in networks if milliseconds)
        echo(
            f"CPU time a frame with {cost['faces']:.1f} faces {cost['pipeline'] or 0:.2f} ms, "
            f"{cost['ratio']:.2f} times the {cost['networks'] or 0:.2f} ms of its networks alone "
            f"({single} ms an inference), taking turns"
        )
    memory = result["memory"]
    if memory:
        growth = "" if memory["growth"] is None else f" ({memory['growth']:+.1f} since frame 1,000)"
        echo(f"memory {memory['start']:.0f} MB at the first frame, {memory['end']:.0f} at the last{growth}")
    echo(place(result))
