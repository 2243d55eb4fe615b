"""What the machine says of itself: temperature, throttle flags of a Raspberry Pi, clock, memory."""

from __future__ import annotations

import os
import platform
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
    zones = (number(zone) for zone in _found(root / "sys/class/thermal", "thermal_zone*/temp"))
    return max((zone / 1000 for zone in zones if zone is not None), default=None)


def throttled(root: Path = Path("/")) -> int | None:
    """Return the flags of a Raspberry Pi's firmware, see `THROTTLE_FLAGS`; None on another machine.

    Args:
        root: Where `sys` lies; `vcgencmd` is asked only of the machine itself.
    """
    # Where the firmware's driver lies differs between boards; older kernels have only the program.
    for path in _found(root / "sys/devices/platform", "soc*/*firmware/get_throttled"):
        return _whole(first_line(path), 16)
    return _whole(_firmware(root, "get_throttled"), 16)


def throttle_reasons(flags: int | None) -> list[str]:
    """Return the names of the flags that are set now; none of None."""
    return [name for bit, name in THROTTLE_FLAGS.items() if (flags or 0) >> bit & 1]


def megahertz(root: Path = Path("/")) -> float | None:
    """Return the clock of core 0 as it is, not as it was asked for; None where the machine does not tell.

    A Raspberry Pi's firmware lowers the clock without the kernel's knowledge, so it is asked first. In `sys`,
    `scaling_cur_freq` is what was asked for, but for x86, where the kernel measures it
    (https://docs.kernel.org/admin-guide/pm/cpufreq.html).

    Args:
        root: Where `sys` lies; `vcgencmd` is asked only of the machine itself.
    """
    hertz = _whole(_firmware(root, "measure_clock", "arm"), 10)
    if hertz is not None:
        return hertz / 1e6
    measured = ["cpuinfo_avg_freq", "cpuinfo_cur_freq"]
    if platform.machine() == "x86_64":
        measured.append("scaling_cur_freq")
    folder = root / "sys/devices/system/cpu/cpu0/cpufreq"
    return next((value / 1000 for name in measured if (value := number(folder / name)) is not None), None)


def resident_mb() -> float | None:
    """Return the memory that this process holds now, in MB (10^6 bytes); None where the system doesn't tell."""
    pages = first_line(Path("/proc/self/statm")).split()
    return int(pages[1]) * os.sysconf("SC_PAGESIZE") / 1e6 if len(pages) > 1 else None


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


def _found(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a folder of `sys`; none where it can't be read, as without a descriptor left."""
    try:
        return list(folder.glob(pattern))
    except OSError:
        return []


def _firmware(root: Path, *question: str) -> str:
    """Return what a Raspberry Pi's firmware answers, behind the sign of equality; empty if it is not there."""
    program = shutil.which("vcgencmd") if root == Path("/") else None
    if program is None:
        return ""
    try:
        asked = subprocess.run(  # noqa: S603
            [program, *question], capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip().partition("=")[2]


def _whole(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None
