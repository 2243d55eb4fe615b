"""`ferlite config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from ..device.sources.spec import masked
from ..errors import UsageError
from ..models.files import write_bytes
from . import config_file
from .console import Json, PlainConsole, echo, print_json, printable
from .run import run

File = Annotated[Path, typer.Argument(help="The file.")]

app = typer.Typer(help="The file with the options of ferlite run: make, check and show one.", no_args_is_help=True)

_FROM = {"COMMANDLINE": "command line", "ENVIRONMENT": "environment", "DEFAULT_MAP": "file", "DEFAULT": ""}


@app.command()
def init(file: File = Path(config_file.NAME)) -> None:
    """Make a file with every option, its help and its default, commented out."""
    if file.exists():
        raise UsageError(f"{file} is there already; move it away, or name another file")
    text = "\n".join(config_file.template(run, file.name)) + "\n"
    echo(f"{write_bytes(file, text.encode())}: 'ferlite run --config {file}' takes its options from there")


@app.command()
def check(file: File = Path(config_file.NAME)) -> None:
    """Check the names, types and ranges of the options in a file; exit code 1 if one is wrong.

    What only a run finds out, as whether an address leads anywhere, is for ferlite doctor.
    """
    given = [option.key for option, _, source in _resolved(file) if source == "file"]
    echo(f"{file}: good; it sets {', '.join(given) or 'nothing'}")


@app.command()
def show(file: File = Path(config_file.NAME), as_json: Json = False) -> None:
    """Show what ferlite run would take from a file, the environment and its own defaults."""
    found = _resolved(file)
    if as_json:
        print_json({option.key: value for option, value, _ in found})
        return
    table = Table("option", "value", "from")
    for option, value, source in found:
        table.add_row(option.key, Text(printable("" if value is None else str(value))), source)
    PlainConsole().print(table)


def _resolved(file: Path) -> list[tuple[config_file.Option, Any, str]]:
    """Return the options of ferlite run with their values, plain, and where these are from."""
    alone = typer.Typer(add_completion=False)
    alone.command("run")(run)
    command = typer.main.get_command(alone)
    with command.make_context("run", ["--config", str(file)], auto_envvar_prefix="FERLITE_RUN") as context:
        found = []
        for option in config_file.options(run):
            value, source = context.params[option.name], context.get_parameter_source(option.name)
            # What is shown is pasted elsewhere: a source may hold a password.
            plain = masked(str(value)) if isinstance(value, (Path, str)) else value
            found.append((option, plain, _FROM.get(source.name if source else "", "")))
        return found
