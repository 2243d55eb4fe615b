"""`ferlite study`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ..benchmarks import machine
from ..errors import UsageError
from .console import Json, PlainConsole, console, print_json, progress, status
from .extras import needs
from .train import DATA_HELP

if TYPE_CHECKING:
    from ..train.studies.run import Row


def study(
    name: Annotated[str, typer.Argument(help="Name of a shipped study, or a .toml file.", show_default=False)] = "",
    data: Annotated[Path | None, typer.Option(help=DATA_HELP, show_default=False)] = None,
    extra: Annotated[
        Path | None, typer.Option(help="More training data, for the variants that use them.", show_default=False)
    ] = None,
    votes: Annotated[
        Path | None, typer.Option(help="fer2013new.csv of FER+, for the variants that use votes.", show_default=False)
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="NETWORK=FILE: ImageNet weights of a network without its top, where they can't be downloaded; "
            "none: leave out what needs them.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Run folder, for variants that start from a run.", show_default=False)
    ] = None,
    only: Annotated[str, typer.Option(help="Run this variant alone.", show_default=False)] = "",
    int8: Annotated[bool, typer.Option("--int8/--no-int8", help="Convert each variant to int8 and score it.")] = True,
    out: Annotated[Path | None, typer.Option(help="Study folder; runs/study-NAME if not given.")] = None,
    list_studies: Annotated[bool, typer.Option("--list", help="List the shipped studies and leave.")] = False,
    as_json: Json = False,
) -> None:
    """Train the variants of a study and compare them; after an interruption the same command resumes."""
    with needs("host"):
        from ..data import ferplus
        from ..data.load import load_dataset
        from ..train.studies.study import load_study, study_names
    if list_studies:
        table = Table("study", "what it compares")
        for known in study_names():
            table.add_row(known, load_study(known).description)
        PlainConsole().print(table)
        return
    if not name or data is None:
        raise UsageError("ferlite study needs a name and --data; --list shows the studies")
    chosen = load_study(name)
    with status(f"reading {data}"):
        dataset = load_dataset(data)
        more = load_dataset(extra) if extra else None
        counted = ferplus.read(votes) if votes else None
    with needs("host"):  # TensorFlow takes long to import: what is wrong with study or data is known before
        from ..convert.package import int8_classes
        from ..train import initial_weights
        from ..train.networks.pretrained import BASES
        from ..train.studies.run import run_study
    files: dict[str, str] = {}
    for given in weights or []:
        network, _, file = given.rpartition("=")
        if not network and file != initial_weights.NONE:
            raise UsageError(f"--weights {given}: give NETWORK=FILE, or none")
        files |= {network: file} if network else dict.fromkeys(BASES, initial_weights.NONE)
    with progress(chosen.name) as show:
        rows = run_study(
            chosen,
            dataset,
            out or Path("runs") / f"study-{chosen.name}",
            extra=more,
            votes=counted,
            weights=files,
            start=start,
            only=only,
            int8=int8_classes if int8 else None,
            about=machine.describe(),
            on_row=lambda row: console.print(_line(row), soft_wrap=True),
            on_progress=lambda what, share: show(share, what),
        )
    if as_json:
        print_json([row.to_json() for row in rows])
        return
    _print(rows)


def _line(row: Row) -> str:
    if row.float32 is None:
        return f"{row.variant}: {row.why_not}"
    return f"{row.variant}: {row.float32.accuracy:.2%} of {row.float32.count} in {row.seconds / 60:.1f} minutes"


def _print(rows: Sequence[Row]) -> None:
    """Print the comparison, the recall of each class, and what is most often taken for what."""
    from ..train.studies.confusions import confusions

    table = Table("variant", "parameters", "MMAC", "float32 [95 %]", "int8", "macro-F1", "binary", "published")
    recall: Table | None = None
    for row in rows:
        scores = row.float32
        if scores is None:
            table.add_row(row.variant, *[""] * 2, row.why_not, *[""] * 3, row.published)
            continue
        low, high = scores.interval
        table.add_row(
            row.variant,
            f"{row.parameters:,}",
            f"{row.macs / 1e6:.1f}",
            f"{scores.accuracy:.2%} [{low:.1%}, {high:.1%}]",
            f"{row.int8.accuracy:.2%}" if row.int8 else "",
            f"{scores.macro_f1:.3f}",
            f"{row.binary_accuracy:.2%}",
            row.published,
        )
        recall = recall or Table("recall", *scores.recall, title="float32")
        recall.add_row(row.variant, *("" if share is None else f"{share:.1%}" for share in scores.recall.values()))
    show = PlainConsole()
    show.print(table)
    if recall:
        show.print(recall)
    for row in rows:
        if row.float32:
            show.print(f"{row.variant}: " + ", ".join(confusions(row.float32.to_json())[:4]), soft_wrap=True)
