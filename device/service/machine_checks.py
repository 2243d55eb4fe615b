"""Checks of the machine: its heat, its power, its memory, its disk, its clock, who may use its cameras."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from ..sensors import celsius, throttle_reasons, throttled
from .finding import Finding
from .heat import HOT

_TOO_HOT = 83.0
"""Degrees; a Raspberry Pi throttles from 80 to 85
(https://www.raspberrypi.com/documentation/computers/raspberry-pi.html, "Frequency management")."""

_LITTLE_MEMORY, _SOME_MEMORY = 100.0, 200.0  # MB; a run holds about 100
_LITTLE_SPACE, _SOME_SPACE = 100.0, 1000.0  # MB
_UNDER_VOLTAGE = 1

_NODES = ("video*", "media*", "dma_heap/*")


def heat(root: Path = Path("/")) -> Finding:
    """Check the temperature."""
    degrees = celsius(root)
    if degrees is None:
        return Finding("heat", "ok", "this machine does not tell its temperature")
    found = f"{degrees:.0f} degrees"
    if degrees >= HOT:
        return Finding(
            "heat", "fail" if degrees >= _TOO_HOT else "warn", found, "fit a heat sink or a fan, or give it air"
        )
    return Finding("heat", "ok", found)


def power(root: Path = Path("/")) -> Finding:
    """Check what the firmware of a Raspberry Pi says of its power and its clock."""
    flags = throttled(root)
    if flags is None:
        return Finding("power", "ok", "no firmware of a Raspberry Pi to ask")
    now = throttle_reasons(flags)
    before = [name for name in throttle_reasons(flags >> 16) if name not in now]
    supply = "use the power supply that was made for the board, with a short cable"
    remedy = supply if (flags | flags >> 16) & _UNDER_VOLTAGE else "fit a heat sink or a fan"
    if now:
        return Finding("power", "fail" if flags & _UNDER_VOLTAGE else "warn", f"now: {', '.join(now)}", remedy)
    if before:
        return Finding("power", "warn", f"since it was switched on: {', '.join(before)}", remedy)
    return Finding("power", "ok", "nothing was throttled since it was switched on")


def memory(root: Path = Path("/")) -> Finding:
    """Check the memory that programs can still have."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) * 1024 / 1e6
    except (OSError, StopIteration, ValueError, IndexError):
        return Finding("memory", "warn", "this system does not tell how much is free", "look at it with 'free -m'")
    status = "fail" if free < _LITTLE_MEMORY else "warn" if free < _SOME_MEMORY else "ok"
    remedy = "" if status == "ok" else "end other programs, or run without a desktop"
    return Finding("memory", status, f"{free:,.0f} MB free", remedy)


def space(folders: Iterable[Path]) -> Finding:
    """Check the free space where files are written.

    Args:
        folders: Where; one that does not exist yet counts as the nearest one above it that does.
    """
    places = {next(each for each in (folder, *folder.absolute().parents) if each.exists()) for folder in folders}
    free, place = min((shutil.disk_usage(place).free / 1e6, place) for place in places)
    status = "fail" if free < _LITTLE_SPACE else "warn" if free < _SOME_SPACE else "ok"
    remedy = "" if status == "ok" else "remove old files, or give ferlite a smaller limit for its own"
    return Finding("space", status, f"{free:,.0f} MB free at {place}", remedy)


def clock(now: float | None = None, root: Path = Path("/")) -> Finding:
    """Check that the clock on the wall can be right.

    Args:
        now: Seconds since the epoch; those of the system if None.
        root: Where `run` lies.
    """
    now = time.time() if now is None else now
    shown = time.strftime("%Y-%m-%d %H:%M", time.localtime(now))
    remedy = "let the network set it (sudo timedatectl set-ntp true), or fit a clock with a battery"
    # A board without a battery begins in the past; this package can't have been installed after now.
    if now < Path(__file__).stat().st_mtime - 86400:
        return Finding("clock", "fail", f"{shown} is before this ferlite was installed", remedy)
    timesync = root / "run/systemd/timesync"
    if timesync.is_dir() and not (timesync / "synchronized").exists():
        return Finding("clock", "warn", f"{shown}; the network has not set it since the start", remedy)
    return Finding("clock", "ok", shown)


def nodes(device: str | None = None, root: Path = Path("/")) -> Finding:
    """Check that cameras are there and that this user may open them.

    Args:
        device: The device of the source, for instance "/dev/video0"; any camera's if None.
        root: Where `dev` lies.
    """
    found = [Path(device)] if device else sorted(each for name in _NODES for each in (root / "dev").glob(name))
    found = [each for each in found if each.exists()]
    if not any(each.name.startswith("video") for each in found):
        return Finding(
            "device nodes",
            "fail",
            f"there is no {device or '/dev/video*'}",
            "plug the camera in; a Pi's own shows up in 'rpicam-hello --list-cameras'",
        )
    closed = [each for each in found if not os.access(each, os.R_OK | os.W_OK)]
    if closed:
        groups = sorted({_group(each) for each in closed})
        return Finding(
            "device nodes",
            "fail",
            f"this user may not open {', '.join(map(str, closed))}",
            f"sudo usermod -aG {','.join(groups)} $USER, then log in again",
        )
    return Finding("device nodes", "ok", f"{len(found)} that this user may open")


def _group(node: Path) -> str:
    try:
        return node.group()
    except (KeyError, OSError):
        return "video"
