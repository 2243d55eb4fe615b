"""Commands for maintainers: make the files that ferlite ships."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import console
from .extras import needs_host


def eigenfaces(
    data: Annotated[Path, typer.Option(help="fer2013.csv, or a folder with a folder for each class.")],
    out: Annotated[Path | None, typer.Option(help="File to write; the shipped one if not given.")] = None,
) -> None:
    """Make the statistics that the data set `eigenfaces` and the virtual camera are drawn from."""
    with needs_host():
        from ..train import datasets
        from ..train import eigenfaces as builder
    with console.status(f"reading {data}"):
        dataset = datasets.load(data)
    with console.status("principal components"):
        path = builder.build(dataset, out or builder.PATH)
    about = builder.load(path).about
    console.print(
        f"{path}: {path.stat().st_size:,} bytes; {about['components']} components explain "
        f"{about['explained']:.1%} of the variance of {sum(about['faces'])} faces"
    )
