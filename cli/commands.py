"""All commands of `ferlite`."""

from __future__ import annotations

import typer

from .. import __version__
from . import config, convert, data, demo, doctor, models, mqtt, quickstart, report, run, runs, service, study, train
from .bench import app as bench
from .console import echo

app = typer.Typer(
    name="ferlite",
    help="Facial expression recognition at the edge: train, convert to int8, run, and measure the cost.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "FERLITE"},
)
app.command("quickstart")(quickstart.quickstart)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("doctor")(doctor.doctor)
app.command("data")(data.data)
app.command("train")(train.train)
app.command("runs")(runs.runs)
app.command("study")(study.study)
app.command("convert")(convert.convert)
app.add_typer(bench.app, name="bench")
app.command("report")(report.report)
app.add_typer(config.app, name="config")
app.add_typer(models.app, name="models")
app.add_typer(mqtt.app, name="mqtt")
app.add_typer(service.app, name="service")


@app.callback(invoke_without_command=True)
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    """Options of every command."""
    del debug  # read by `reported`, which also sees errors raised before this
    if version:
        echo(f"ferlite {__version__}")
        raise typer.Exit
