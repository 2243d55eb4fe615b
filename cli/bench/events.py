"""`ferlite bench events`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ...device.classifier import DEFAULT_MODEL
from ..console import Json, PlainConsole, echo, place, print_json, status


def events(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder with clips in media/; only drawn faces if not given.", show_default=False),
    ] = None,
    model: Annotated[str, typer.Option(help="Shipped model or .tflite file.")] = DEFAULT_MODEL,
    persons: Annotated[int, typer.Option(min=1, help="How many faces to draw.")] = 10,
    seconds: Annotated[float, typer.Option(min=4, max=3600, help="For how long to draw each.")] = 30,
    as_json: Json = False,
) -> None:
    """Measure what the presets of smoothing, and the frames that confirm a face, are chosen by.

    Drawn faces change their expressions at known times: how soon the label follows, and how often it changes. On
    clips: how often labels change, and which announced faces are none.
    """
    from ...benchmarks import events as bench

    with status("") as show_step:
        result = bench.measure(data, model=model, persons=persons, seconds=seconds, on_step=show_step)
    if as_json:
        print_json(result)
        return
    table = Table(
        "smoothing", "changes shown", "after s, median", "p90", "labels a minute", "of these under 0.5 s",
        title="drawn faces",
    )  # fmt: skip
    for row in result["smoothing"]:
        taken = ("" if row[key] is None else f"{row[key]:.2f}" for key in ("median", "p90"))
        flicker = (f"{row[key]:.1f}" for key in ("labels_per_minute", "brief_per_minute"))
        table.add_row(row["smoothing"], f"{row['shown']} of {row['changes']}", *taken, *flicker)
    PlainConsole().print(table)
    if result["confirm"]:
        names = [row["smoothing"] for row in result["smoothing"]]
        table = Table("clip", *names, title="label changes a minute")
        for clip in result["smoothing"][0]["clips"]:
            table.add_row(clip, *(f"{row['clips'][clip]:.0f}" for row in result["smoothing"]))
        PlainConsole().print(table)
        table = Table(
            "frames in a row", "announced, not there", "mirrored and scaled", "people announced",
            "the last after s, at 15 fps", title="clips",
        )  # fmt: skip
        for row in result["confirm"]:
            delay = "" if row["delay"] is None else f"{row['delay']:.2f}"
            counts = (row["confirm"], row["false"], row["false_varied"], row["people"])
            table.add_row(*map(str, counts), delay)
        PlainConsole().print(table)
    echo(place(result))
