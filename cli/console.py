"""What the commands share: a console for people on stderr, results on stdout, one kind of progress bar."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ..data.results.environment import Disturbance, Environment

console = Console(stderr=True)
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
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[remark]}"),
        TimeRemainingColumn(),
    )
    # Over some minutes, so that the pauses between epochs are in the estimate, too.
    with Progress(*columns, console=console, transient=True, speed_estimate_period=600) as bar:
        task = bar.add_task(title, total=1.0, remark="")
        yield lambda share, remark="": bar.update(task, completed=share, remark=remark)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: "1 frame", "2,000 frames"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def print_json(value: Any) -> None:
    """Print a result for programs."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def place(result: Environment) -> str:
    """Say where a result was measured: machine and runtime."""
    machine = result["machine"]
    return f"{machine['model']}, {machine['architecture']}, {machine['cores']} cores; {result['runtime']}"


def print_disturbed(result: Disturbance, *, to_stderr: bool = False) -> None:
    """Say first what disturbed a measurement."""
    if result["disturbed"]:
        text = f"disturbed: {'; '.join(result['disturbed'])}. Measure again before quoting this."
        typer.echo(text, err=to_stderr)
