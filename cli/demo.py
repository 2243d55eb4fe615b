"""`ferlite demo`."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ..data.results.files import VIDEO
from ..device.classifier import FER2013_MODEL, Classifier
from ..device.faces.boxes import iou
from ..device.outputs.base import Output
from ..device.outputs.open import open_annotated
from ..device.pipeline import Pipeline
from ..device.sources.base import Source
from ..device.sources.open import open_source
from ..device.sources.virtual import VirtualCamera
from ..device.types import FrameResult
from .console import PlainConsole, console, echo
from .live import LiveView
from .signals import Stopping
from .starting import at_once
from .summary import Summary

_FRAMES = 150


def demo(
    source: Annotated[
        str, typer.Option(help="What to look at: drawn faces, or a camera, clip or photo.")
    ] = "virtual:faces=2",
    out: Annotated[Path, typer.Option(help="Annotated video, picture or folder to write.")] = Path(VIDEO),
    model: Annotated[str, typer.Option(help="Shipped model or .tflite file.")] = FER2013_MODEL,
    frames: Annotated[int, typer.Option(min=1, help="Stop after so many frames.")] = _FRAMES,
) -> None:
    """Show what ferlite does in a few seconds: faces, labels, a video and the time of each stage.

    Without a camera it shows drawn faces, made from statistics of real ones.
    """
    summary = Summary()
    start = time.perf_counter()
    with at_once():
        classifier = Classifier.load(model)
    with ExitStack() as stack:
        stopping = stack.enter_context(Stopping())
        camera = stack.enter_context(open_source(source))
        pipeline = stack.enter_context(Pipeline.open(camera, model=classifier))
        truth = Truth(camera)
        outputs: list[Output] = [
            stack.enter_context(open_annotated(out, pipeline.source.rate, source=source)),
            summary,
            truth,
        ]
        if console.is_terminal:
            outputs.append(stack.enter_context(LiveView(console, pipeline)))
        pipeline.run(*outputs, frames=frames, undivided=stopping.postponed)
    PlainConsole().print(summary.table())
    echo(f"{summary.counts}; {time.perf_counter() - start:.1f} s in all; wrote {out}")
    if truth.drawn:
        echo(str(truth))


class Truth(Output):
    """Compares the faces that were seen with those that a virtual camera drew.

    Args:
        source: The camera; of any other source nothing is known, and nothing counted.

    Attributes:
        drawn: Faces drawn.
        found: Of these, found.
        named: Of the found, given the label they were drawn with.
    """

    def __init__(self, source: Source) -> None:
        self._camera = source if isinstance(source, VirtualCamera) else None
        self.drawn = self.found = self.named = 0

    def write(self, result: FrameResult) -> None:
        """Compare the faces of one result."""
        if self._camera is None:
            return
        for true in self._camera.truth(result.frame.index):
            self.drawn += 1
            near = max(result.faces, key=lambda face: iou(face.box, true.box), default=None)
            if near is not None and iou(near.box, true.box) > 0.3:
                self.found += 1
                self.named += near.label == true.label

    def __str__(self) -> str:
        return (
            f"of {self.drawn} faces drawn, {self.found} were found and {self.named} named as drawn; drawn faces are "
            "no test of a model for real ones"
        )
