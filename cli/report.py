"""`ferlite report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import echo
from .extras import needs


def report(
    folder: Annotated[Path, typer.Argument(help="Folder with the results.", show_default=False)],
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "ferlite report",
) -> None:
    """Make one HTML page, report.html, of what was measured.

    accuracy.json, latency.json and pipeline.json are what `ferlite bench … --json` prints, MODEL-inspect.json is what
    `ferlite convert --inspect` writes, and demo.mp4 is the video of `ferlite demo`. What is missing is left out.
    """
    with needs("report"):
        from ..benchmarks import report as page
    echo(page.write(folder, title))
