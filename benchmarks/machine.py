"""What a measurement was made on, and whether the machine was left in peace meanwhile."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

from ..data.results.environment import Disturbance, Environment, MachineState
from ..device.sensors import celsius, first_line, megahertz, number, throttle_reasons, throttled
from ..models.backends import runtime

OTHERS_LIMIT = 0.10
"""Cores that other programs may use: with a tenth of one, a tenth of the inferences may share theirs."""

FREQUENCY_LIMIT = 0.97
"""Share of the full frequency that must be kept; a Raspberry Pi steps by 4 to 7 % of it."""

LOAD_LIMIT = 0.5
"""Load average that is allowed where the system doesn't tell who used the CPU."""

_SHORTEST = 1.0  # seconds; the kernel counts CPU time in hundredths, too coarse for less
_THROTTLED_NOW, _THROTTLED_SINCE_BOOT = 0xF, 0xF0000


@dataclass(frozen=True)
class State:
    """What may slow a machine down, at one moment; None where the machine does not tell.

    Attributes:
        time: Seconds on the monotonic clock.
        governor: CPU frequency governor of core 0.
        mhz: Frequency of core 0, as it is.
        full_mhz: The frequency it can keep: its base frequency where that is told, else its highest.
        celsius: Temperature of the hottest thermal zone.
        throttled: Flags of a Raspberry Pi's firmware (bits 0-3 now, 16-19 since boot).
        load: Load average of the last minute.
        busy: CPU seconds of all programs since boot; those that a hypervisor gave to others too.
        own: CPU seconds of this program and of its children that ended.
    """

    time: float
    governor: str | None
    mhz: float | None
    full_mhz: float | None
    celsius: float | None
    throttled: int | None
    load: float
    busy: float | None
    own: float

    @classmethod
    def read(cls, root: str | Path = "/") -> State:
        """Read the state from the file systems `proc` and `sys`, and from `vcgencmd` if need be.

        Args:
            root: Where `proc` and `sys` lie.
        """
        root = Path(root)
        cpu = root / "sys/devices/system/cpu/cpu0/cpufreq"
        full = number(cpu / "base_frequency") or number(cpu / "cpuinfo_max_freq")
        used = os.times()
        return cls(
            time=time.monotonic(),
            governor=first_line(cpu / "scaling_governor") or None,
            mhz=megahertz(root),
            full_mhz=None if full is None else full / 1000,
            celsius=celsius(root),
            throttled=throttled(root),
            load=round(os.getloadavg()[0], 2),
            busy=_busy(root),
            own=used.user + used.system + used.children_user + used.children_system,
        )

    def to_json(self) -> MachineState:
        """Return plain values for a JSON file."""
        return {
            "time": self.time,
            "governor": self.governor,
            "mhz": self.mhz,
            "full_mhz": self.full_mhz,
            "celsius": self.celsius,
            "throttled": self.throttled,
            "load": self.load,
            "busy": self.busy,
            "own": self.own,
        }


@dataclass(frozen=True)
class Watch:
    """The state before a measurement, to be held against the state after it.

    Attributes:
        read: Reads a state.
        before: The state at the start.
    """

    read: Callable[[], State]
    before: State

    @classmethod
    def start(cls, read: Callable[[], State] = State.read) -> Watch:
        """Note the state now."""
        return cls(read, read())

    def stop(self) -> Disturbance:
        """Return `state` (before and after) and `disturbed` (what `disturbances` says), for a result."""
        after = self.read()
        return {
            "state": {"before": self.before.to_json(), "after": after.to_json()},
            "disturbed": disturbances(self.before, after),
        }


def disturbances(before: State, after: State) -> list[str]:
    """Say what made a measurement between two states unfit to be quoted; empty if nothing did.

    A run is disturbed if the firmware's throttle flags were set or were added, if the frequency at
    the end lay under `FREQUENCY_LIMIT` of the full one or of that at the start, or if other programs
    used more than `OTHERS_LIMIT` cores on average (`LOAD_LIMIT` of load at the start, where that is
    all there is). A flag since boot that was there before tells nothing of this run.
    """
    found = []
    if before.throttled is not None and after.throttled is not None:
        since = after.throttled & ~before.throttled & _THROTTLED_SINCE_BOOT
        flags = (before.throttled | after.throttled | since >> 16) & _THROTTLED_NOW
        found += [f"the firmware reports {name}" for name in throttle_reasons(flags)]
    # A governor that saves power raises the frequency only once there is work, so the start may lie lower.
    full = max(before.full_mhz or 0.0, before.mhz or 0.0)
    if after.mhz is not None and after.mhz < FREQUENCY_LIMIT * full:
        found.append(f"the CPU ended at {after.mhz:.0f} of {full:.0f} MHz")
    elapsed = after.time - before.time
    if before.busy is None or after.busy is None:
        if before.load > LOAD_LIMIT:
            found.append(f"the load was {before.load:.2f} at the start")
    elif elapsed >= _SHORTEST:
        others = (after.busy - before.busy - (after.own - before.own)) / elapsed
        if others > OTHERS_LIMIT:
            found.append(f"other programs used {others:.2f} cores")
    return found


def describe() -> Environment:
    """Return machine, operating system, versions and runtime, for the head of every result."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "model": first_line(Path("/proc/device-tree/model")) or _cpu_model(),
            "architecture": platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
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


def _busy(root: Path) -> float | None:
    fields = first_line(root / "proc/stat").split()
    if not fields or fields[0] != "cpu":
        return None
    user, nice, system, _idle, _wait, irq, soft, steal = (int(ticks) for ticks in fields[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
