"""`ferlite run`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..device.classifier import DEFAULT_MODEL, Classifier
from ..device.counts import Counts
from ..device.events import EventRules
from ..device.faces.gate import Gate
from ..device.outputs.base import Output
from ..device.outputs.json_lines import EventLines
from ..device.outputs.mqtt import Mqtt
from ..device.outputs.open import open_annotated, open_lines, refuse_overwriting
from ..device.outputs.rotation import Rotation
from ..device.pipeline import Pipeline
from ..device.service.heat import HOT
from ..device.service.upkeep import Upkeep
from ..device.sources.spec import masked
from ..device.state import State
from ..errors import OutputError, UsageError
from . import page
from .config_file import Config
from .console import PlainConsole, console
from .limits import rotation
from .live import LiveView, output_troubles
from .mqtt import PANEL, Ca, Discovery, Id, PasswordFile
from .signals import Stopping
from .starting import at_once
from .summary import Summary

_SOURCE_HELP = "Camera (auto, picamera:0, usb:0, /dev/video0), address, clip, picture or folder; auto if not given."


_LIMITS = "Limits"


def run(
    context: typer.Context,
    source: Annotated[str | None, typer.Argument(help=_SOURCE_HELP, show_default=False)] = None,
    source_option: Annotated[
        str | None, typer.Option("--source", help="The same as an option.", show_default=False)
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Shipped model or .tflite file; given more than once, each reads every face.",
            show_default=DEFAULT_MODEL,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            help="File to append JSON lines to, or .csv for a row a face; - for JSON lines on standard output, the "
            "default unless that is a terminal.",
            show_default=False,
        ),
    ] = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Bring each line to the disk at once, not within a second.")
    ] = False,
    events: Annotated[
        str | None,
        typer.Option(
            help="File to append a JSON line to for each event: who comes, leaves, changes; - for standard output."
        ),
    ] = None,
    held: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL=SECONDS", help="Make it an event when a face keeps this label so long."),
    ] = None,
    confirm: Annotated[
        int, typer.Option(min=1, help="Frames in a row in which a face must be seen to be announced as an event.")
    ] = EventRules.confirm,
    counts: Annotated[
        Path | None, typer.Option(help="CSV or JSON file to keep sums by the hour in: people, labels, smiles held.")
    ] = None,
    annotate: Annotated[
        Path | None, typer.Option(help="Draw the results: a video, a picture or a folder, by its suffix.")
    ] = None,
    file_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            rich_help_panel="Files",
            help="Begin a new file at this size; none for no limit.",
            show_default="100MB for a live source",
        ),
    ] = None,
    file_age: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            rich_help_panel="Files",
            help="Begin a new file after this time (s, m, h, d), counted from midnight.",
            show_default="24h for a live source",
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            rich_help_panel="Files",
            help="Remove the oldest of these files where all together would be larger.",
            show_default="1GB for a live source",
        ),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Broker to publish to: mqtt://[user@]host, mqtts:// for TLS.", rich_help_panel=PANEL
        ),
    ] = None,
    mqtt_password_file: PasswordFile = None,
    mqtt_ca: Ca = None,
    mqtt_discovery: Discovery = "homeassistant",
    mqtt_id: Id = None,
    mqtt_name: Annotated[
        str | None,
        typer.Option(help="What Home Assistant calls this device; ferlite ID if not given.", rich_help_panel=PANEL),
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Picture size to ask of the source.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Frames per second to ask of the source.")] = None,
    max_rate: Annotated[
        float | None,
        typer.Option(
            "--max-fps",
            min=0.1,
            help="Frames per second of a camera or stream to look at, at most.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    max_celsius: Annotated[
        float,
        typer.Option(
            min=20,
            max=150,
            help="Degrees from which on fewer frames of a camera or stream are looked at.",
            rich_help_panel=_LIMITS,
        ),
    ] = HOT,
    max_memory: Annotated[
        float | None,
        typer.Option(
            metavar="MB",
            min=1,
            help="Memory; a run that holds more ends with exit code 75, to be started again.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    flip: Annotated[bool, typer.Option(help="Mirror the picture.")] = False,
    rotate: Annotated[int, typer.Option(help="Degrees clockwise: 0, 90, 180 or 270.")] = 0,
    autofocus: Annotated[bool, typer.Option(help="Let the Pi's camera focus all the time.")] = False,
    stall: Annotated[
        float, typer.Option(min=0.1, help="Seconds without a frame until a camera or stream is opened again.")
    ] = 5.0,
    reopen: Annotated[
        int | None, typer.Option(min=0, help="Give up after so many attempts in vain; if not given, never.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a camera or stream that is not there yet.")] = False,
    smoothing: Annotated[str, typer.Option(help="How calm labels are: quick, calm or steady.")] = "calm",
    fov: Annotated[
        float | None,
        typer.Option(help="The camera's horizontal field of view in degrees; gives each face its direction."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for one inference.")] = 1,
    min_face: Annotated[
        float, typer.Option(min=0, help="Pixels; a face smaller than that is unreadable.")
    ] = Gate.min_face,
    scan_every: Annotated[
        int, typer.Option(min=1, help="Scan whole frames only every so many; between, follow the known faces.")
    ] = 1,
    detector_threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the face models, if not --threads.")
    ] = None,
    labels: Annotated[
        str,
        typer.Option(help="For a model without a record: its labels in the order of its outputs."),
    ] = "",
    pixels: Annotated[
        tuple[float, float] | None,
        typer.Option(help="For a model without a record: its input values for black and white; 0 255 if not given."),
    ] = None,
    web: page.Web = False,
    show: page.Show = False,
    web_host: page.Host = "127.0.0.1",
    web_port: page.Port = 8080,
    web_name: page.Names = None,
    web_token_file: page.TokenFile = None,
    web_cert: page.Certificate = None,
    web_key: page.Key = None,
    web_picture: page.Picture = "full",
    web_theme: page.Theme = None,
    viewers: page.Viewers = 20,
    config: Config = None,
) -> None:
    """Find faces in a source and name their expressions.

    A terminal shows the faces live, and a summary at the end. Where standard output is a file or a
    pipe, it gets one JSON line for each frame. Nothing is stored or sent but what --output, --events,
    --counts, --annotate and --mqtt name; --web shows it, by default on this machine alone.
    """
    del config  # its values are the defaults of the others
    chosen = _chosen(context, source, source_option)
    serve = page.wanted(web=web, show=show)
    _refuse_unused(context, serve=serve, publish=mqtt is not None)
    for name, file in (("output", output), ("events", events)):
        if file == "":
            raise UsageError(f"--{name} is empty; name a file, or - for standard output")
    at_terminal = sys.stdout.isatty()
    lines = output or ("" if at_terminal or events == "-" else "-")
    files = [*("/dev/stdout" if file == "-" else file for file in (lines, events)), counts, annotate]
    refuse_overwriting(chosen, *(file for file in files if file))
    screen = PlainConsole() if at_terminal and "-" not in (lines, events) else None
    rules = EventRules(confirm=confirm, held=_held(held or []))
    models = model or [DEFAULT_MODEL]
    summary = Summary()
    named = [name for name in labels.split(",") if name]
    with at_once():
        classifiers = [Classifier.load(each, threads=threads, labels=named, pixels=pixels) for each in models]
    with ExitStack() as stack:
        stopping = stack.enter_context(Stopping())
        pipeline = stack.enter_context(
            Pipeline.open(
                chosen,
                model=classifiers,
                threads=threads,
                gate=Gate(min_face=min_face),
                scan_every=scan_every,
                smoothing=smoothing,
                rules=rules,
                fov=fov,
                detector_threads=detector_threads,
                size=parsed_size(size),
                rate=rate,
                flip=flip,
                rotate=rotate,
                autofocus=autofocus,
                stall=stall,
                reopen=reopen,
                wait=wait,
                max_rate=max_rate,
            )
        )
        limit = rotation(file_size, file_age, keep, live=pipeline.source.live)
        outputs = [summary, *_files(stack, pipeline, lines, events, counts, annotate, sync=sync, rotation=limit)]
        if serve:
            served = page.open_page(
                pipeline,
                web_host,
                web_port,
                token_file=web_token_file,
                show=show,
                names=web_name or (),
                certificate=web_cert,
                key=web_key,
                picture=web_picture,
                viewers=viewers,
                stall=stall,
                theme=web_theme,
            )
            outputs.append(stack.enter_context(served))
        if mqtt is not None:
            publisher = Mqtt(
                pipeline,
                mqtt,
                password_file=mqtt_password_file,
                ca=mqtt_ca,
                discovery=mqtt_discovery,
                id=mqtt_id,
                name=mqtt_name,
            )
            outputs.append(stack.enter_context(publisher))
        upkeep = stack.enter_context(Upkeep(pipeline, max_memory=max_memory, max_celsius=max_celsius))
        try:
            with ExitStack() as shown:
                if screen:
                    outputs.append(shown.enter_context(LiveView(screen, pipeline)))
                pipeline.run(*outputs, frames=frames, undivided=stopping.postponed)
        except KeyboardInterrupt:
            console.print("stopped")
        finally:
            _report(summary, pipeline.state, screen)
        _check_files(outputs, pipeline.state)
    raise typer.Exit(upkeep.exit_code)


def _chosen(context: typer.Context, source: str | None, source_option: str | None) -> str:
    given = {spec: None for spec in (source, source_option) if spec is not None}
    where = context.get_parameter_source("source_option")
    if len(given) > 1 and where is not None and where.name == "COMMANDLINE":
        raise UsageError(f"two sources are given, {' and '.join(sorted(map(masked, given)))}; give one")
    # An empty text is not "auto": a script whose variable is unset must not switch a camera on.
    return next(iter(given), "auto")


def _refuse_unused(context: typer.Context, *, serve: bool, publish: bool) -> None:
    """Refuse options on the command line for a page or a broker that is not asked for: they would do nothing."""
    for name in context.params:
        where = context.get_parameter_source(name)
        if where is None or where.name != "COMMANDLINE":
            continue
        option = f"--{name.replace('_', '-')}"
        if (name.startswith("web_") or name == "viewers") and not serve:
            raise UsageError(f"{option} is for the live page: add --web")
        if name.startswith("mqtt_") and not publish:
            raise UsageError(f"{option} is for an MQTT broker: add --mqtt mqtt://HOST")


def _files(
    stack: ExitStack,
    pipeline: Pipeline,
    lines: str,
    events: str | None,
    counts: Path | None,
    annotate: Path | None,
    *,
    sync: bool,
    rotation: Rotation | None,
) -> Iterator[Output]:
    """Open the outputs that write files, one after another, to be closed with `stack`."""
    if lines:
        yield stack.enter_context(open_lines(lines, pipeline.classifiers, every_line=sync, rotation=rotation))
    if events:
        yield stack.enter_context(EventLines(events, every_line=sync, rotation=rotation))
    if counts is not None:
        yield stack.enter_context(Counts(counts))
    if annotate is not None:
        yield stack.enter_context(open_annotated(annotate, pipeline.source.rate, rotation=rotation))


def _report(summary: Summary, state: State, screen: Console | None) -> None:
    """Print what was seen: a table on a terminal, else a line on stderr, away from the JSON lines."""
    if screen is None:
        console.print(str(summary), soft_wrap=True, highlight=False)
    else:
        if summary.faces:
            screen.print(summary.table())
        screen.print(summary.counts, highlight=False)
    for trouble in output_troubles(state):
        (screen or console).print(trouble, soft_wrap=True, highlight=False)


def _check_files(outputs: list[Output], state: State) -> None:
    """Raise an error that names the files that can't be written now; who sends something tries again next time."""
    files = {each.name for each in outputs if each.backlog}
    if failing := [each.problem for each in state.outputs if each.problem and each.name in files]:
        raise OutputError("; ".join(failing))


def _held(texts: list[str]) -> dict[str, float]:
    held = {}
    for text in texts:
        label, _, seconds = text.partition("=")
        try:
            held[label] = float(seconds)
        except ValueError:
            raise UsageError(f"--held is {text!r}; expected a label and seconds, for instance happy=1.5") from None
    return held


def parsed_size(text: str | None) -> tuple[int, int] | None:
    """Return width and height of a text such as 640x480; None of None.

    Raises:
        UsageError: It is none.
    """
    if text is None:
        return None
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"--size is {text!r}; expected width x height, for instance 640x480") from None
    return width, height
