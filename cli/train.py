"""`ferlite train`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ..errors import UsageError
from .console import PlainConsole, console, echo, progress, status
from .extras import needs

DATA_HELP = "fer2013.csv, a folder with a folder for each class or with legend.csv, or `eigenfaces`."
Data = Annotated[Path | None, typer.Option(help=DATA_HELP, show_default=False)]
MajorityOf = Annotated[
    Path | None, typer.Option("--votes", help="fer2013new.csv: score on the majority label of FER+ instead.")
]


def train(
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a .toml file.")] = "",
    data: Data = None,
    extra: Annotated[
        Path | None, typer.Option(help="More data: their Training faces are added to the training split.")
    ] = None,
    votes: Annotated[Path | None, typer.Option(help="fer2013new.csv of FER+, for recipes that use votes.")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="What to start from: a run folder, a file of ImageNet weights for a recipe that needs them "
            "(downloaded if not given), or none.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Another seed than the recipe's; the run is then RECIPE-seed-N.", show_default=False),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/RECIPE if not given.")] = None,
    strategy: Annotated[str, typer.Option(help="`mirrored` shares each batch among all GPUs (TensorFlow).")] = "",
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write logs to RUN/tensorboard.")] = False,
    list_recipes: Annotated[bool, typer.Option("--list", help="List the shipped recipes and leave.")] = False,
) -> None:
    """Train a network by a recipe; after an interruption the same command resumes."""
    with needs("host"):
        from ..data import ferplus
        from ..data.load import load_dataset
        from ..train import recipes
    if list_recipes:
        table = Table("recipe", "what it is")
        for name in recipes.names():
            table.add_row(name, recipes.load(name).description)
        PlainConsole().print(table)
        return
    if not recipe or data is None:
        raise UsageError("ferlite train needs --recipe and --data; --list shows the recipes")
    chosen = recipes.load(recipe)
    if seed is not None:
        chosen = recipes.change(chosen, {"seed": seed, "name": f"{chosen.name}-seed-{seed}"})
    out = out or Path("runs") / chosen.name
    with status(f"reading {data}"):
        dataset = load_dataset(data)
        more = load_dataset(extra) if extra else None
        counted = ferplus.read(votes) if votes else None
    with needs("host"):  # TensorFlow takes long to import: what is wrong with recipe or data is known before
        from ..train import tensorboard_log, training
    board = tensorboard_log.Board(out / "tensorboard") if tensorboard else None
    with progress(chosen.name) as show, board or nullcontext():

        def on_step(epoch: int, step: int, steps: int) -> None:
            show((epoch - 1 + step / steps) / chosen.epochs, f"epoch {epoch}/{chosen.epochs}")

        def on_teacher(epoch: int, face: int, faces: int) -> None:
            show((epoch - 1) / chosen.epochs, f"epoch {epoch}/{chosen.epochs}, teachers {face / faces:.0%}")

        def on_epoch(row: dict[str, float]) -> None:
            if board:
                board.add(row)
            console.print(
                f"epoch {row['epoch']:3.0f}/{chosen.epochs}  loss {row['loss']:.4f}  "
                f"accuracy {row['accuracy']:.1%}  validation {row['val_accuracy']:.1%}  {row['seconds']:.0f} s "
                f"({row['augmentation_seconds'] / row['seconds']:.1%} augmentation)",
                soft_wrap=True,
            )

        try:
            run = training.train(
                chosen,
                dataset,
                out,
                extra=more,
                votes=counted,
                start=start,
                strategy=strategy,
                on_step=on_step,
                on_teacher=on_teacher,
                on_epoch=on_epoch,
            )
        except KeyboardInterrupt:
            console.print("interrupted; the same command resumes after the last complete epoch")
            raise typer.Exit(130) from None
    best = run.info["best"]
    echo(f"best epoch {best['epoch']}: validation accuracy {best['val_accuracy']:.2%}; run folder {out}")
