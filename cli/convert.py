"""`ferlite convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..models.errors import UsageError
from .console import console, print_json
from .extras import needs
from .train import Data


def convert(
    run: Annotated[Path, typer.Argument(help="Run folder that `ferlite train` finished.", show_default=False)],
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the model files; the run folder if not given.")] = None,
    calibration: Annotated[int, typer.Option(min=2, help="Training faces to calibrate on.")] = 256,
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the record.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Convert a trained network to an int8 .tflite file and its float32 twin.

    The data are those of the training, found where they lay then; --data says where they lie now.
    """
    with needs("host"):
        from ..convert import package
        from ..train import datasets
        from ..train.training import Run
    finished = Run.open(run)
    source = data or finished.info["data"].get("path")
    if not source:
        raise UsageError("the run does not say where its data lie; give --data")
    with console.status(f"reading {source}") as status:
        dataset = datasets.load(source)
        result = package.convert(
            finished,
            dataset,
            out or run,
            calibration=calibration,
            licence=licence,
            on_step=status.update,
        )
    if as_json:
        print_json(
            {
                "int8": str(result.int8),
                "float32": str(result.float32),
                "agreement": result.agreement,
                "validation_accuracy": result.accuracy,
            }
        )
        return
    for scheme, path in (("int8", result.int8), ("float32", result.float32)):
        typer.echo(
            f"{path}  {path.stat().st_size / 1e3:,.0f} KB  {scheme}  validation accuracy {result.accuracy[scheme]:.2%}"
        )
    typer.echo(f"int8 and float32 agree on {result.agreement:.2%} of the validation faces")
