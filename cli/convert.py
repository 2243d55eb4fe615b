"""`ferlite convert`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.table import Table

from ..data.results.files import SENSITIVITY
from ..errors import UsageError, unknown
from ..models.files import write_json
from .console import Json, console, echo, print_json, progress, status
from .extras import needs
from .train import Data

if TYPE_CHECKING:
    from ..convert.calibrate import Method
    from ..convert.package import Made
    from ..data.dataset import Dataset
    from ..models.record import Scheme
    from ..train.heads import Head
    from ..train.runs import Run


def convert(
    run: Annotated[Path, typer.Argument(help="Run folder that `ferlite train` finished.", show_default=False)],
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the model files; the run folder if not given.")] = None,
    head: Annotated[
        str, typer.Option(help="Which head of a run that has two: labels, or ferplus, its eight emotions.")
    ] = "labels",
    scheme: Annotated[
        str, typer.Option(help="Schemes, with commas: int8, int8-dynamic, int16x8, float16, float32.")
    ] = "int8,float32",
    calibration: Annotated[int, typer.Option(min=2, help="Training faces to calibrate on.")] = 256,
    method: Annotated[str, typer.Option(help="How ranges are found: min-max or moving-average.")] = "min-max",
    keep_float: Annotated[
        list[str] | None,
        typer.Option(help="Layer that int8 leaves in float, by its name in --inspect or a regular expression."),
    ] = None,
    budget: Annotated[
        float, typer.Option(min=0, help="Points of validation accuracy int8 may lose before layers stay in float.")
    ] = 1.0,
    inspect: Annotated[bool, typer.Option("--inspect", help="Show the error of int8 in each layer.")] = False,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Instead, show how accuracy depends on the calibration set.")
    ] = False,
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the record.")] = "",
    as_json: Json = False,
) -> None:
    """Convert a trained network to an int8 .tflite file and its float32 twin.

    The training data are read from where they were during training; --data gives another place.
    """
    with needs("host"):
        from ..convert import calibrate
        from ..data.load import load_dataset
        from ..train.runs import Run
    if method not in calibrate.METHODS:
        raise unknown("calibration method", method, calibrate.METHODS)
    calibration_method = cast("Method", method)
    finished = Run.open(run)
    finished.check_head(cast("Head", head))
    source = data or finished.info["data"].get("path")
    if not source:
        raise UsageError("the run does not say where its data lie; give --data")
    with status(f"reading {source}"):
        dataset = load_dataset(source)
    with needs("host"):  # TensorFlow takes long to import: what is wrong with run or data is known before
        from ..convert import package
    if sensitivity:
        _sensitivity(finished, dataset, cast("Head", head), calibration_method, keep_float or [], out or run, as_json)
        return
    with progress("convert") as show:
        made = package.convert(
            finished,
            dataset,
            out or run,
            head=cast("Head", head),
            schemes=cast("list[Scheme]", [name.strip() for name in scheme.split(",")]),
            calibration=calibration,
            method=calibration_method,
            keep_float=keep_float or (),
            budget=budget,
            inspected=inspect,
            licence=licence,
            on_step=lambda step: show(package.STEPS.index(step) / len(package.STEPS), step),
        )
    if as_json:
        print_json({name: _described(model) for name, model in made.items()})
    else:
        for name, model in made.items():
            echo(_line(name, model))
    for name, model in made.items():
        if model.inspection:
            _inspection(name, model, as_json)


def _described(model: Made) -> dict[str, Any]:
    return {
        "path": str(model.path),
        "bytes": model.path.stat().st_size,
        "validation_accuracy": model.accuracy,
        "agreement_with_float32": model.agreement,
        "xnnpack_share": model.xnnpack,
        "kept_float": model.kept_float,
    }


def _line(scheme: str, model: Made) -> str:
    size = f"{model.path.stat().st_size / 1e3:,.0f} KB"
    runs = f"XNNPACK runs {model.xnnpack:.0%} of it" if model.xnnpack else "XNNPACK runs none of it: slow"
    kept = f"; in float: {', '.join(model.kept_float)}" if model.kept_float else ""
    agrees = "" if scheme == "float32" else f", agrees with float32 on {model.agreement:.2%}"
    return f"{model.path}  {size}  {scheme}  validation accuracy {model.accuracy:.2%}{agrees}; {runs}{kept}"


def _inspection(scheme: Scheme, model: Made, quiet: bool) -> None:
    from ..convert import inspection

    errors = model.inspection
    if errors is None:
        return
    chart = inspection.write(errors, model.path, scheme)
    if quiet:
        return
    table = Table("layer", "operator", "SQNR dB", "lost here dB", title=f"{scheme}: the worst layers")
    for layer in errors.worst():
        table.add_row(layer.name, layer.operator, f"{layer.sqnr:.1f}", f"{layer.lost:.1f}")
    console.print(table)
    console.print(f"all layers: {chart}")


def _sensitivity(
    run: Run, dataset: Dataset, head: Head, method: Method, keep_float: list[str], out: Path, as_json: bool
) -> None:
    from ..convert import package
    from ..convert import sensitivity as study

    package.check(run, dataset)
    dataset = package.prepared(run, dataset, head)
    floating = package.exported(run, dataset, head)
    name = package.model_name(run, head)
    with progress("sensitivity") as show:
        result = study.measure(
            floating,
            dataset.split("train"),
            dataset.split("validation"),
            method=method,
            model=name,
            keep_float=keep_float,
            on_share=show,
        )
    path = write_json(out / SENSITIVITY.format(model=name), result)
    if as_json:
        print_json(result)
        return
    echo(f"float32 {result['float32']:.2%}; int8 by calibration faces, {result['seeds']} draws ({method}):")
    for row in result["rows"]:
        scores = row["int8"]
        echo(
            f"{row['faces']:>6}  mean {row['mean']:.2%}  spread {row['spread']:.2%}  "
            f"lowest {min(scores):.2%}  highest {max(scores):.2%}"
        )
    echo(f"all of it: {path}")
