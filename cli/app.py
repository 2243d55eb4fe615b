"""The command `ferlite`."""

from __future__ import annotations

import sys

import cv2
import typer

from .. import __version__
from ..errors import FerliteError, UsageError
from . import convert, data, demo, models, quickstart, report, run, runs, study, train
from .bench import app as bench

app = typer.Typer(
    name="ferlite",
    help="Facial expression recognition at the edge: train, convert to int8, run, and measure the cost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("quickstart")(quickstart.quickstart)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("data")(data.data)
app.command("train")(train.train)
app.command("runs")(runs.runs)
app.command("study")(study.study)
app.command("convert")(convert.convert)
app.add_typer(bench.app, name="bench")
app.command("report")(report.report)
app.add_typer(models.app, name="models")


@app.callback(invoke_without_command=True)
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    """Options of every command."""
    del debug  # read by main(), which also sees errors raised before this
    if version:
        typer.echo(f"ferlite {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line: exit code 0 good, 1 failed, 2 wrong usage, 130 interrupted."""
    # OpenCV's own threads wait for each other by spinning: for pictures of these sizes that costs more than it saves.
    cv2.setNumThreads(1)
    try:
        app()
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        message = str(error)
        if not isinstance(error, FerliteError):
            message = f"unexpected {type(error).__name__}: {error}; 'ferlite --debug ...' shows where it came from"
        typer.secho(f"error: {message}", fg="red", err=True)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
