"""What the commands share: a console for people on stderr, results on stdout, one kind of progress bar."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from ..data.results.environment import Disturbance, Environment


def printable(text: str) -> str:
    """Replace what a terminal can't show or would obey: control characters, and bytes of a name that are no text."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def echo(text: object, *, err: bool = False, **style: Any) -> None:
    """Print a line; all but tables passes here, so that no name and no message reaches a terminal raw.

    Args:
        text: The line; in names may be anything.
        err: Print to stderr.
        style: Of `typer.style`.
    """
    typer.secho(printable(str(text)), err=err, **style)


class PlainConsole(Console):
    """A console that shows texts as they are: brackets are no mark-up, and nothing in them reaches the terminal raw."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make what is shown of a text or of a table's cell."""
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)


class Remarks(logging.Handler):
    """Prints warnings as lines on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a warning."""
        console.print(record.getMessage(), soft_wrap=True, highlight=False)


console = PlainConsole(stderr=True)
"""Progress and remarks; stdout is left to results, which may be piped."""


Models = Annotated[list[str], typer.Argument(help="Shipped models or .tflite files, compared with one another.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@contextmanager
def progress(title: str) -> Iterator[Callable[[float, str], None]]:
    """Show a progress bar with the time remaining.

    Yields:
        A function to call with the share done, 0 to 1, and a short remark.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[remark]}", markup=False),
        TimeRemainingColumn(),
    )
    # Over some minutes, so that the pauses between epochs are in the estimate, too.
    with Progress(*columns, console=console, transient=True, speed_estimate_period=600) as bar:
        task = bar.add_task(printable(title), total=1.0, remark="")
        yield lambda share, remark="": bar.update(task, completed=share, remark=printable(remark))


@contextmanager
def status(text: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done.

    Yields:
        A function to call with what is done next.
    """
    with console.status(Text(printable(text))) as shown:
        yield lambda text: shown.update(Text(printable(text)))


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 frame", "2,000 frames"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def print_json(value: Any) -> None:
    """Print a result for programs; what a terminal can't show is escaped as JSON has it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    typer.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def place(result: Environment) -> str:
    """Say where a result was measured: machine and runtime."""
    machine = result["machine"]
    return f"{machine['model']}, {machine['architecture']}, {machine['cores']} cores; {result['runtime']}"


def print_disturbed(result: Disturbance, *, to_stderr: bool = False) -> None:
    """Say first what disturbed a measurement."""
    if result["disturbed"]:
        text = f"disturbed: {'; '.join(result['disturbed'])}. Measure again before quoting this."
        echo(text, err=to_stderr)
