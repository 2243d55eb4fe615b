"""`ferlite doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.table import Table
from rich.text import Text

from ..device.classifier import DEFAULT_MODEL
from ..errors import UsageError
from .config_file import load
from .console import Json, PlainConsole, print_json, printable, status
from .run import run

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    source: Annotated[
        str | None, typer.Argument(help="Source to try, as for ferlite run.", show_default="auto")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="File with the options of the run: all that it names.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out camera, broker, page and service.")] = False,
    as_json: Json = False,
) -> None:
    """Find out why it does not work: models, runtime, heat, power, memory, disk, clock, camera, broker, service.

    Exit code 1 if a check fails.
    """
    from ..device.service.doctor import examine

    given = {} if config is None else load(config, run)
    chosen: str = source or given.get("source_option", "auto")
    broker = _broker(given["mqtt"]) if "mqtt" in given else None
    page = (given.get("web_host", "127.0.0.1"), given.get("web_port", 8080)) if given.get("web") else None
    models = tuple(given.get("model", [DEFAULT_MODEL]))
    folders = tuple(Path(given[name]).parent for name in ("output", "events", "counts", "annotate") if name in given)
    findings = []
    with status("") as show:
        for finding in examine(chosen, models, broker=broker, page=page, folders=folders, quick=quick):
            findings.append(finding)
            show(finding.check)
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        table = Table("check", "", "found", "what to do")
        for finding in findings:
            state = Text(finding.status, style=_STYLES[finding.status])
            table.add_row(finding.check, state, printable(finding.found), printable(finding.remedy))
        PlainConsole().print(table)
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)


def _broker(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    except ValueError:
        host, port = None, 0
    if not host:
        raise UsageError(f"mqtt is {address!r}; expected for instance mqtt://broker.local")
    return host, port
