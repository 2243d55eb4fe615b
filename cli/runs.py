"""`ferlite runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from .console import Json, PlainConsole, print_json, printable
from .extras import needs

_COLUMNS = ("run", "recipe", "data", "parameters", "MMAC", "epochs", "best", "validation", "minutes", "augmentation")


def runs(
    folder: Annotated[Path, typer.Argument(help="Folder that holds run folders.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """List the run folders in a folder and compare what they reached."""
    with needs("host"):
        from ..train.runs import summaries
    found = summaries(folder)
    if as_json:
        print_json(found)
        return
    table = Table(*_COLUMNS)
    for run in found:
        table.add_row(*_cells(run))
    PlainConsole().print(table)


def _cells(run: dict[str, Any]) -> list[str | Text]:
    if "error" in run:
        return [run["name"], Text(printable(run["error"]), style="red")]
    return [
        *(run[key] for key in ("name", "recipe", "data")),
        _shown(run["parameters"], "{:,}"),
        _shown(run["macs"] and run["macs"] / 1e6, "{:.1f}"),
        f"{run['epochs_done']}/{run['epochs']}",
        _shown(run["best_epoch"], "{}"),
        _shown(run["val_accuracy"], "{:.2%}"),
        _shown(run["minutes"], "{:.1f}"),
        _shown(run["augmentation_share"], "{:.1%}"),
    ]


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
