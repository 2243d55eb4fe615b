"""All checks of a device, one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..kept import state_folder
from ..sources.open import open_source
from ..sources.spec import parse_spec
from . import device_checks, machine_checks, network_checks
from .finding import Finding
from .manager import UNIT


def examine(
    source: str = "auto",
    models: tuple[str, ...] = ("ferlite-m-ferplus",),
    *,
    broker: tuple[str, int] | None = None,
    page: tuple[str, int] | None = None,
    folders: tuple[Path, ...] = (),
    quick: bool = False,
) -> Iterator[Finding]:
    """Yield what each check finds, the quick ones first.

    Args:
        source: As `open_source` takes it.
        models: Names of shipped models, and paths of .tflite files; the first is timed.
        broker: Host and port of the broker; None if there is none.
        page: Host and port of the live page; None if there is none.
        folders: Where files are written.
        quick: Leave out camera, broker, page and unit.

    Raises:
        UnknownNameError: There is no such kind of source.
    """
    kind, rest = parse_spec(source)
    yield device_checks.models(models)
    yield device_checks.runtime(models[0])
    yield machine_checks.heat()
    yield machine_checks.power()
    yield machine_checks.memory()
    yield machine_checks.space([*folders, state_folder()])
    yield machine_checks.clock()
    if quick:
        return
    if kind in ("usb", "picamera"):
        yield machine_checks.nodes(rest if kind == "usb" and rest.startswith("/") else None)
    if kind in ("picamera", "auto"):
        yield device_checks.picamera2(needed=kind == "picamera")
    yield device_checks.camera(lambda: open_source(source))
    if broker is not None:
        yield network_checks.broker(*broker)
    if page is not None:
        yield network_checks.port(*page)
    yield network_checks.unit(UNIT)
