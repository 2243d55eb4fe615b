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
from .console import Json, PlainConsole, print_json, printable, status

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    source: Annotated[str, typer.Argument(help="Source to try, as for ferlite run.")] = "auto",
    model: Annotated[
        list[str] | None,
        typer.Option(help="Shipped model or .tflite file; may be given more than once.", show_default=DEFAULT_MODEL),
    ] = None,
    output: Annotated[list[Path] | None, typer.Option(help="File or folder that is written to.")] = None,
    mqtt: Annotated[str | None, typer.Option(help="Address of the broker: mqtt://HOST or mqtts://HOST.")] = None,
    web: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where the live page is or will be.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out camera, broker, page and service.")] = False,
    as_json: Json = False,
) -> None:
    """Find out why it does not work: models, runtime, heat, power, memory, disk, clock, camera, broker, service.

    Exit code 1 if a check fails.
    """
    from ..device.service.doctor import examine

    broker = None if mqtt is None else _place("mqtt", mqtt, 8883 if mqtt.startswith("mqtts:") else 1883)
    page = None if web is None else _place("web", f"//{web}", None)
    models, folders = tuple(model or [DEFAULT_MODEL]), tuple(each.parent for each in output or [])
    findings = []
    with status("") as show:
        for finding in examine(source, models, broker=broker, page=page, folders=folders, quick=quick):
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


def _place(name: str, address: str, default: int | None) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or default
    except ValueError:
        host = port = None
    if not host or not port:
        raise UsageError(f"--{name} names no host and port; expected for instance 192.168.1.5:8080")
    return host, port
