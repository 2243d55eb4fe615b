"""`ferlite train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..models.errors import UsageError
from .extras import needs_host


def train(
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a .toml file.")] = "",
    data: Annotated[Path | None, typer.Option(help="fer2013.csv, or a folder with a folder per class.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/RECIPE if not given.")] = None,
    list_recipes: Annotated[bool, typer.Option("--list", help="List the shipped recipes and leave.")] = False,
) -> None:
    """Train a network by a recipe; run the same line again to resume after an interruption."""
    with needs_host():
        from ..train import datasets, recipes, training
    console = Console()
    if list_recipes:
        table = Table("recipe", "what it is")
        for name in recipes.names():
            table.add_row(name, recipes.load(name).description)
        console.print(table)
        return
    if not recipe or data is None:
        raise UsageError("ferlite train needs --recipe and --data; --list shows the recipes")
    chosen = recipes.load(recipe)
    out = out or Path("runs") / chosen.name
    with console.status(f"reading {data}"):
        dataset = datasets.load(data)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[score]}"), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(chosen.name, total=None, score="")

        def on_step(epoch: int, step: int, steps: int) -> None:
            progress.update(task, total=chosen.epochs * steps, completed=(epoch - 1) * steps + step)

        def on_epoch(row: dict[str, float]) -> None:
            progress.update(task, score=f"validation {row['val_accuracy']:.1%}")
            progress.console.print(
                f"epoch {row['epoch']:3.0f}/{chosen.epochs}  loss {row['loss']:.4f}  accuracy {row['accuracy']:.1%}  "
                f"validation {row['val_accuracy']:.1%}  {row['seconds']:.0f} s"
            )

        try:
            run = training.train(chosen, dataset, out, on_step=on_step, on_epoch=on_epoch)
        except KeyboardInterrupt:
            progress.stop()
            console.print("interrupted; the same command resumes after the last complete epoch")
            raise typer.Exit(130) from None
    best = run.info["best"]
    console.print(f"best epoch {best['epoch']}: validation accuracy {best['val_accuracy']:.2%}; run folder {out}")
