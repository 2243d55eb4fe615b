"""`ferlite models`: the shipped models, or model files of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from ..device.classifier import DEFAULT_MODEL
from ..errors import DataError, FerliteError, ModelFormatError, UsageError
from ..models import modelfile, registry
from ..models.modelfile import ModelFile
from ..models.record import Record
from ..models.runtime import LoadedModel
from .config_file import NAME, change, load
from .console import Json, PlainConsole, echo, print_json, printable, progress

Name = Annotated[str, typer.Argument(help="Shipped model, or a .tflite file.", show_default=False)]

_CAMERA = ("rate", "flip", "rotate", "autofocus", "stall", "threads", "detector_threads")
"""Options of a run that make other faces, or other times, of the same source."""

app = typer.Typer(help="The shipped models: list, show, verify, try, path.", no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the shipped models."""
    found = {name: _read(name) for name in registry.names()}
    if as_json:
        print_json({name: _summary(file, record) for name, (file, record) in found.items()})
        return
    table = Table("model", "task", "numbers", "KB", "MMAC", "labels", "validation")
    table.columns[0].no_wrap = True
    for name, (file, record) in found.items():
        accuracy = _accuracy(record)
        table.add_row(
            name,
            record.task,
            record.scheme,
            f"{len(file.content) / 1e3:,.0f}",
            f"{record.macs / 1e6:.1f}",
            str(len(record.labels) or ""),
            "" if accuracy is None else f"{accuracy:.2%} {record.data.get('name', '')}".strip(),
        )
    PlainConsole().print(table)


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show a model's card; with --json its record."""
    from rich.markdown import Markdown  # it takes a tenth of a second to import

    from ..benchmarks.model_cards import card

    file, record = _read(name)
    if as_json:
        print_json(json.loads(record.to_json()))
        return
    lines, out = [printable(line) for line in card(file).split("\n")], PlainConsole()
    if out.is_terminal:
        out.print(Markdown("\n".join(lines)))
    else:
        typer.echo("\n".join(lines))


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all shipped ones if none.")] = None,
) -> None:
    """Check that model files are undamaged and run on this machine; exit code 1 if one is not or does not."""
    failed = False
    for name in names or registry.names():
        try:
            file, _ = _read(name)
            model = LoadedModel(file)
            detail = model.inputs[0]
            model.run(np.zeros(detail["shape"], detail["dtype"]))
        except FerliteError as error:
            failed = True
            echo(f"bad  {name}: {error}")
        else:
            runs = f"XNNPACK runs {model.xnnpack_share:.0%} of it" if model.xnnpack_share else "without XNNPACK: slow"
            state = "as shipped" if registry.is_shipped(file.content) else "undamaged (its sha256 fits)"
            echo(f"ok   {name}: {state}; runs in {model.runtime.name}, {runs}")
    if failed:
        raise typer.Exit(1)


@app.command("try")
def try_(
    model: Annotated[str, typer.Argument(help="Model to try: shipped, or a .tflite file.", show_default=False)],
    config: Annotated[Path, typer.Option(help="File with the source and the model of now.")] = Path(NAME),
    seconds: Annotated[float, typer.Option(min=0, help="How long to look.")] = 60.0,
    switch: Annotated[bool, typer.Option("--switch", help="Name the new model in the file afterwards.")] = False,
) -> None:
    """Let a model read the same faces as the one of now for a while, and say how often both agree.

    A service that uses the camera has to be stopped before, and started again after a switch.
    """
    from ..device.pipeline import Pipeline
    from ..device.service.trial import compare
    from .run import parsed_size, run

    options = load(config, run)
    before = options.get("model", [DEFAULT_MODEL])
    if model in before:
        raise UsageError(f"{config} names {model} already; name another model")
    camera = {name: options[name] for name in _CAMERA if name in options}
    size = parsed_size(options.get("size"))
    source = options.get("source_option", "auto")
    with Pipeline.open(source, model=[before[0], model], size=size, **camera) as pipeline:
        one, other = pipeline.classifiers
        with progress("looking") as show:
            trial = compare(pipeline, seconds, lambda part, now: show(part, f"{now.faces} faces"))
    if trial.agreement is None:
        raise DataError("no face was read by both models; stand before the camera, or give it --seconds more")
    table = Table(one, other, "faces", "share")
    for (first, second), count in trial.labels.most_common():
        table.add_row(first, second, f"{count:,}", f"{count / trial.faces:.1%}")
    PlainConsole().print(table)
    echo(
        f"the same label for {trial.agreement:.1%} of {trial.faces:,} readings; ms for a face: "
        + ", ".join(f"{name} {ms:.2f}" for name, ms in trial.ms.items())
    )
    if switch:
        change(config, "model", [model, *before[1:]], run)
        echo(f"{config} names {model} now; it named {before[0]}")


@app.command()
def path(name: Name) -> None:
    """Print where a shipped model's file lies."""
    echo(registry.path(name))


def _read(name: str) -> tuple[ModelFile, Record]:
    file = modelfile.read(registry.path(name))
    if file.record is None:
        raise ModelFormatError(f"{file.path} carries no ferlite record: there is nothing to show or check it against")
    return file, file.record


def _accuracy(record: Record) -> float | None:
    return record.accuracy.get("validation", {}).get(record.scheme, {}).get("accuracy")


def _summary(file: ModelFile, record: Record) -> dict[str, object]:
    return {
        "path": str(file.path),
        "task": record.task,
        "scheme": record.scheme,
        "bytes": len(file.content),
        "parameters": record.parameters,
        "macs": record.macs,
        "labels": list(record.labels),
        "validation_accuracy": _accuracy(record),
    }
