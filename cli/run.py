"""`ferlite run`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from ..device.classifier import DEFAULT_MODEL
from ..device.pipeline import Pipeline
from ..device.sinks import JsonLines, Sink, open_annotated
from ..device.types import FrameResult
from ..models.errors import UsageError
from .console import console


def run(
    source: Annotated[
        str,
        typer.Option(help="Camera (auto, picamera:0, usb:0, /dev/video0), url, clip, picture or folder."),
    ] = "auto",
    model: Annotated[str, typer.Option(help="Shipped model or .tflite file.")] = DEFAULT_MODEL,
    output: Annotated[str, typer.Option(help="File for the JSON lines; - for standard output.")] = "-",
    annotate: Annotated[
        Path | None, typer.Option(help="Draw the results: a video, a picture or a folder, by its suffix.")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Picture size to ask of the source.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Frames per second to ask of the source.")] = None,
    flip: Annotated[bool, typer.Option(help="Mirror the picture.")] = False,
    rotate: Annotated[int, typer.Option(help="Degrees clockwise: 0, 90, 180 or 270.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads for one inference.")] = 1,
) -> None:
    """Find faces in a source and name their expressions: one JSON line for each frame.

    Nothing is stored or sent but what --output and --annotate name.
    """
    summary = Summary()
    with ExitStack() as stack:
        stack.enter_context(_terminable())
        pipeline = stack.enter_context(
            Pipeline.open(source, model=model, threads=threads, size=_size(size), rate=rate, flip=flip, rotate=rotate)
        )
        sinks: list[Sink] = [stack.enter_context(JsonLines(output))]
        if annotate is not None:
            sinks.append(stack.enter_context(open_annotated(annotate, pipeline.source.rate, source=source)))
        try:
            for result in islice(pipeline, frames):
                for sink in sinks:
                    sink.write(result)
                summary.add(result)
                if any(sink.done for sink in sinks):
                    break
        except KeyboardInterrupt:
            console.print("stopped")
        finally:
            console.print(str(summary))


class Summary:
    """Counts of a run; holds no frame."""

    def __init__(self) -> None:
        self.frames = 0
        self.faces = 0
        self.dropped = 0
        self._stages: dict[str, float] = {}

    def add(self, result: FrameResult) -> None:
        """Take in one frame."""
        self.frames += 1
        self.faces += len(result.faces)
        self.dropped = result.dropped
        for name, milliseconds in result.stages.items():
            self._stages[name] = self._stages.get(name, 0.0) + milliseconds

    @property
    def stages(self) -> dict[str, float]:
        """Mean milliseconds a frame, by stage."""
        return {name: total / max(self.frames, 1) for name, total in self._stages.items()}

    def __str__(self) -> str:
        stages = ", ".join(f"{name} {ms:.2f}" for name, ms in self.stages.items())
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        return f"{self.frames} frames{dropped}, {self.faces} faces; ms a frame: {stages or '-'}"


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, with every output closed."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise UsageError(f"--size is {text!r}; expected width x height, for instance 640x480") from None
    return width, height
