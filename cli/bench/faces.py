"""`ferlite bench faces`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ...data.results.files import FACES
from ...device.classifier import FER2013_MODEL
from ...models.files import write_json
from ..console import Json, PlainConsole, echo, place, print_json, status


def faces(
    data: Annotated[Path, typer.Option(help="Folder with fer2013.csv and media/.", show_default=False)],
    model: Annotated[str, typer.Option(help="Shipped model or .tflite file.")] = FER2013_MODEL,
    detector: Annotated[
        list[str] | None, typer.Option(help="Face detector to measure: shipped or .tflite; may be given again.")
    ] = None,
    roll: Annotated[
        list[float] | None,
        typer.Option(help="Degrees by which pasted faces are turned; may be given again. 0, 20 and -20 if not given."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Paste only the first so many faces.")] = None,
    scan_every: Annotated[int, typer.Option(min=1, help="Of clips, scan whole frames only every so many.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder for faces.json and the mean face beside the mean crop.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how faces are found, followed and cut: on photos, clips and PublicTest faces pasted into frames."""
    from ...benchmarks import faces as bench

    with status("") as show_step:
        result = bench.measure(
            data,
            model=model,
            detectors=detector or ["yunet"],
            rolls=roll or bench.ROLLS,
            limit=limit,
            scan_every=scan_every,
            out=out,
            on_step=show_step,
        )
    if out is not None:
        write_json(out / FACES, result)
    if as_json:
        print_json(result)
        return
    for row in result["detectors"]:
        photos = row["photos"]
        table = Table(
            "clip", "frames", "faces", "all found, none else", "tracks", "unreadable", "uncertain",
            "changes a minute", "unsmoothed", title=row["detector"],
        )  # fmt: skip
        for clip in row["clips"]:
            shares = (f"{clip[key]:.1%}" for key in ("unreadable", "uncertain"))
            flicker = (f"{clip[key] or 0:.0f}" for key in ("changes_per_minute", "raw_changes_per_minute"))
            counts = (str(clip["frames"]), str(clip["faces"]), f"{clip['exact']:.1%}", str(clip["tracks"]))
            table.add_row(clip["clip"], *counts, *shares, *flicker)
        PlainConsole().print(table)
        echo(
            f"{row['detector']}: photos: {photos['hits']} of {photos['faces']} faces found (overlap of "
            f"{bench.LEAST_OVERLAP} or more), {photos['false_alarms']} false alarms; "
            f"{photos['view_false_alarms']} in {photos['views']} views enlarged up to four times"
        )
    table = Table(
        "turned by", "faces", "found [95 %]", "refused", "given directly", "cut by the device", "loss, points [95 %]",
        title=f"PublicTest pasted {bench.pasted_faces.SIDE} pixels wide",
    )  # fmt: skip
    for row in result["pasted"]:
        low, high = row["found_interval"]
        if row["loss"] is None or row["loss_interval"] is None:
            table.add_row(f"{row['roll']:g}°", str(row["faces"]), f"{row['found']:.1%}", "", "", "", "")
            continue
        less, more = row["loss_interval"]
        table.add_row(
            f"{row['roll']:g}°",
            str(row["faces"]),
            f"{row['found']:.1%} [{low:.1%}, {high:.1%}]",
            *(f"{row[key]:.1%}" for key in ("refused", "direct", "device")),
            f"{100 * row['loss']:+.2f} [{100 * less:+.2f}, {100 * more:+.2f}]",
        )
    PlainConsole().print(table)
    first = result["pasted"][0]
    places = ", ".join(f"({x:.3f}, {y:.3f})" for x, y in first["landmarks_in_box"])
    echo(f"O-Net's landmarks in YuNet's box, turned by {first['roll']:g}°: {places}")
    echo(place(result))
