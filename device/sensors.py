"""What the machine says of its heat: temperature, and the throttle flags of a Raspberry Pi."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

THROTTLE_FLAGS = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
"""Names of the firmware's bits for what is so now; the same 16 bits higher tell what was so since boot."""

_PATIENCE = 5.0  # seconds that vcgencmd gets


def celsius(root: Path = Path("/")) -> float | None:
    """Return the temperature of the hottest thermal zone; None where there is none.

    Args:
        root: Where `sys` lies.
    """
    zones = (number(zone) for zone in (root / "sys/class/thermal").glob("thermal_zone*/temp"))
    return max((zone / 1000 for zone in zones if zone is not None), default=None)


def throttled(root: Path = Path("/")) -> int | None:
    """Return the flags of a Raspberry Pi's firmware, see `THROTTLE_FLAGS`; None on another machine.

    Args:
        root: Where `sys` lies; `vcgencmd` is asked only of the machine itself.
    """
    # Where the firmware's driver lies differs between boards; older kernels have only the program.
    for path in (root / "sys/devices/platform").glob("soc*/*firmware/get_throttled"):
        return int(first_line(path) or "0", 16)
    program = shutil.which("vcgencmd") if root == Path("/") else None
    if program is None:
        return None
    asked = subprocess.run([program, "get_throttled"], capture_output=True, text=True, check=False, timeout=_PATIENCE)  # noqa: S603
    return int(asked.stdout.strip().partition("=")[2], 16) if "=0x" in asked.stdout else None


def number(path: Path) -> float | None:
    """Return the number that a file of `sys` holds; None if there is none."""
    try:
        return float(first_line(path))
    except ValueError:
        return None


def first_line(path: Path) -> str:
    """Return the first line of a file; empty if it can't be read."""
    try:
        return path.read_text(errors="replace").partition("\n")[0].strip("\0 ")
    except OSError:
        return ""
