"""The command `ferlite`."""

from __future__ import annotations

import sys

import typer

from .. import __version__
from ..models.errors import FerliteError
from . import bench, convert, demo, maintain, quickstart, report, run, train

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
app.command("train")(train.train)
app.command("convert")(convert.convert)
app.add_typer(bench.app, name="bench")
app.command("report")(report.report)
app.add_typer(maintain.app, name="maintain")


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
    try:
        app()
    except FerliteError as error:
        if "--debug" in sys.argv:
            raise
        typer.secho(f"error: {error}", fg="red", err=True)
        raise SystemExit(1) from None
