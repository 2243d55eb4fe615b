"""`ferlite quickstart`: the whole way, on the data that ferlite carries along."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ..data.results import files
from ..models.files import read_bytes, write_bytes, write_json
from .console import console, echo, progress
from .demo import Truth
from .extras import needs
from .signals import Stopping
from .summary import Summary

_FRAMES = 150


def quickstart(
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")] = Path("ferlite-quickstart"),
) -> None:
    """Train, convert to int8, measure and run a small network, in a few minutes and without any data.

    The faces are drawn from statistics of FER2013: the figures show that the machinery works and say
    nothing about real faces. After an interruption the same command resumes.
    """
    with needs("host"):
        from ..benchmarks import accuracy, latency, report
        from ..convert import inspection, package
        from ..data.eigenfaces import EIGENFACES
        from ..data.load import load_dataset
        from ..device.outputs.json_lines import JsonLines
        from ..device.outputs.open import open_annotated
        from ..device.pipeline import Pipeline
        from ..train import recipes, training
    start = time.perf_counter()
    recipe = recipes.load("quickstart")
    console.print(f"1 drawing faces and training {recipe.network!r} on them")
    dataset = load_dataset(EIGENFACES)
    with progress("train") as show:
        run = training.train(
            recipe,
            dataset,
            out / "run",
            on_step=lambda epoch, step, steps: show(
                (epoch - 1 + step / steps) / recipe.epochs, f"epoch {epoch}/{recipe.epochs}"
            ),
        )
    console.print("2 converting to int8")
    with progress("convert") as show:
        made = package.convert(
            run,
            dataset,
            out,
            inspected=True,
            on_step=lambda step: show(package.STEPS.index(step) / len(package.STEPS), step),
        )
    int8 = made["int8"].path
    if errors := made["int8"].inspection:
        inspection.write(errors, int8, "int8")
    models = [made["float32"].path, int8]
    console.print("3 measuring int8 against float32")
    with progress("accuracy") as show:
        scores = accuracy.measure(
            models, dataset, "test", on_face=lambda done, total: show(done / total, f"{done}/{total}")
        )
    with progress("latency") as show:
        times = latency.measure(models, seconds=3, cold_starts=3, on_round=lambda share: show(share, ""))
    write_json(out / files.ACCURACY, scores)
    write_json(out / files.LATENCY, times)
    write_bytes(out / "curves.png", read_bytes(run.folder / "curves.png"))

    console.print("4 running it on a virtual camera")
    summary = Summary()
    with ExitStack() as stack:
        stopping = stack.enter_context(Stopping())
        pipeline = stack.enter_context(Pipeline.open("virtual:faces=2", model=int8))
        (out / "demo.jsonl").unlink(missing_ok=True)
        truth = Truth(pipeline.source)
        lines = stack.enter_context(JsonLines(out / "demo.jsonl"))
        video = stack.enter_context(open_annotated(out / files.VIDEO, pipeline.source.rate))
        pipeline.run(lines, video, summary, truth, frames=_FRAMES, undivided=stopping.postponed)

    page = report.write(out, "ferlite quickstart")
    echo(report.summarise(scores, times))
    echo(f"Virtual camera: {summary}; {truth}.")
    echo(f"{page} shows it all, {out / files.VIDEO} the camera; {time.perf_counter() - start:.0f} s.")
