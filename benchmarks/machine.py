"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..models.runtime import runtime


def describe() -> dict[str, Any]:
    """Return machine, operating system, versions and runtime, for the head of every result."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "model": _first("/proc/device-tree/model") or _cpu_model(),
            "architecture": platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "governor": _first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            "load": round(os.getloadavg()[0], 2),
        },
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "versions": {
            "ferlite": version("ferlite"),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
        },
        "runtime": runtime().name,
    }


def _first(path: str) -> str:
    """Return the first line of a file of the system; empty where this system has none."""
    try:
        return Path(path).read_text().strip("\0\n ").splitlines()[0]
    except (OSError, IndexError):
        return ""


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
