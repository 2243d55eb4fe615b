"""`ferlite data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from ..data.dataset import identical_to
from ..data.load import load_dataset
from .console import PlainConsole, echo, status
from .extras import needs
from .train import DATA_HELP


def data(
    path: Annotated[Path, typer.Argument(help=DATA_HELP, show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for counts.png and faces.png; the latter shows people: keep it to yourself.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show what a data set holds: faces of each class and split, persons, and duplicates."""
    with status(f"reading {path}"):
        dataset = load_dataset(path)
    counts = {
        name: np.bincount(part.labels, minlength=len(dataset.label_names)) for name, part in dataset.splits.items()
    }
    table = Table("label", *dataset.splits, title=dataset.name)
    for place, label in enumerate(dataset.label_names):
        table.add_row(label, *(f"{of_split[place]:,}" for of_split in counts.values()))
    table.add_section()
    table.add_row("faces", *(f"{len(faces):,}" for faces in dataset.splits.values()))
    table.add_row(
        "persons, as far as known", *(f"{len(np.unique(faces.groups)):,}" for faces in dataset.splits.values())
    )
    if train := dataset.splits.get("train"):
        twice = [identical_to(faces, train).sum() for name, faces in dataset.splits.items() if name != "train"]
        table.add_row("identical to one in train", "", *(f"{count:,}" for count in twice))
    PlainConsole().print(table)
    if out:
        with needs("host"):
            from ..train import figures
        figures.draw_counts(dataset, out / "counts.png")
        figures.draw_faces(dataset, out / "faces.png")
        echo(f"pictures: {out / 'counts.png'}, {out / 'faces.png'}")
