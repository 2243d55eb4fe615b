"""`ferlite bench gates`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ...device.classifier import FER2013_MODEL
from ..console import Json, PlainConsole, echo, place, print_json, status
from ..train import DATA_HELP, MajorityOf


def gates(
    data: Annotated[Path, typer.Option(help=DATA_HELP, show_default=False)],
    model: Annotated[str, typer.Option(help="Shipped model or .tflite file.")] = FER2013_MODEL,
    votes: MajorityOf = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take only the first so many faces.")] = None,
    as_json: Json = False,
) -> None:
    """Measure accuracy by size, blur, turn and confidence: what the limits for unreadable faces are chosen by."""
    from ...benchmarks import gates as bench
    from ...data import ferplus
    from ...data.load import load_dataset

    with status(f"reading {data}") as show_step:
        dataset = load_dataset(data)
        if votes:
            dataset = ferplus.majority(dataset, votes)
        result = bench.measure(dataset, model=model, limit=limit, on_step=show_step)
    if as_json:
        print_json(result)
        return
    limits = result["limits"]
    _print(f"size; unreadable under {limits['min_face']:g}", result["sizes"], pixels="{:d}")
    _print(
        f"blur; unreadable under a sharpness of {limits['min_sharpness']:g}",
        result["blurs"], sigma="{:g}", sharpness="{:.2f}", refused="{:.1%}",
    )  # fmt: skip
    _print(f"turn; unreadable over {limits['max_turn']:g}", result["turns"], low="{:g}", high="{}")
    _print(
        f"confidence; uncertain under {limits['threshold']:g}",
        result["thresholds"], threshold="{:g}", coverage="{:.1%}",
    )  # fmt: skip
    echo(place(result))


def _print(title: str, rows: Sequence[Mapping[str, Any]], **columns: str) -> None:
    table = Table(*columns, "faces", "accuracy [95 %]", title=title)
    for row in rows:
        cells = [form.format("" if row[name] is None else row[name]) for name, form in columns.items()]
        low, high = row["interval"] or (0, 0)
        score = f"{row['accuracy']:.1%} [{low:.1%}, {high:.1%}]" if row["faces"] else ""
        table.add_row(*cells, str(row["faces"]), score)
    PlainConsole().print(table)
