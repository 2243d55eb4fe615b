"""`ferlite bench`: all its commands."""

from __future__ import annotations

import typer

from .accuracy import accuracy
from .compare import compare
from .events import events
from .faces import faces
from .footprint import footprint
from .gates import gates
from .latency import latency
from .pipeline import pipeline

app = typer.Typer(help="Measure model files and the pipeline; compare results.", no_args_is_help=True)
for command in (accuracy, pipeline, faces, events, gates, footprint, latency, compare):
    app.command()(command)
