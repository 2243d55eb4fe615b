"""Updates the service: the new version is installed beside the old one, tried, and given up if it sees nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ...errors import MissingFileError, ServiceError, UsageError
from .manager import Manager

PATIENCE = 60.0
"""Seconds that a new version gets to look at its first frame."""

_POLL = 1.0
_STEP = 900.0  # seconds that installing may take; a Zero 2 W is slow
_TRIALS = (
    ("doctor", "--quick"),
    ("demo", "--frames", "10", "--out", "demo.mp4"),
)


def install_beside(wheel: Path, program: Path, on_step: Callable[[str], None] = lambda step: None) -> Path:
    """Install a wheel into a virtual environment of its own, beside that of the program that runs now.

    It sees the system's packages if the old one does, and gets the extras that the old one has.

    Args:
        wheel: The wheel of ferlite.
        program: The `ferlite` that the service runs.
        on_step: Called with what is being done.

    Returns:
        The new program.

    Raises:
        MissingFileError: There is no such wheel.
        UsageError: It is no wheel of ferlite, or one of the version that runs.
        ServiceError: It can't be installed.
    """
    new = _version(wheel)
    old = program.parent.parent
    # /opt/ferlite, then /opt/ferlite-0.2.0, then /opt/ferlite-0.3.0.
    base = re.sub(r"-\d[^-]*$", "", old.name)
    folder = old.with_name(f"{base}-{new}")
    if folder == old:
        raise UsageError(f"{wheel} is version {new}, which the service runs already")
    config = old / "pyvenv.cfg"
    shared = config.is_file() and "include-system-site-packages = true" in config.read_text()
    on_step(f"installing {new} into {folder}")
    try:
        _run([sys.executable, "-m", "venv", "--clear", *["--system-site-packages"] * shared, str(folder)])
        extras = ",".join(_extras())
        _run([str(folder / "bin/python"), "-m", "pip", "install", "--quiet", f"{wheel.absolute()}[{extras}]"])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / "bin/ferlite"


def try_out(program: Path, on_step: Callable[[str], None] = lambda step: None) -> None:
    """Let a program examine this machine and look at drawn faces.

    Raises:
        ServiceError: It fails at that.
    """
    with tempfile.TemporaryDirectory() as folder:
        for trial in _TRIALS:
            on_step(f"trying ferlite {trial[0]}")
            _run([str(program), *trial], folder)


def switch(
    manager: Manager,
    program: Path,
    *,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Let the service run another program, and the old one again if that looks at no frame in time.

    systemd calls a service active once it said READY=1, which ferlite does after its first frame.

    Args:
        manager: Has the service.
        program: What it is to run.
        patience: Seconds until its first frame.
        clock: Gives seconds.
        sleep: Waits.

    Raises:
        ServiceError: The new program looked at no frame; the old one runs again.
    """
    before, old, running = manager.text(), manager.program(), manager.invocation()
    try:
        manager.install(before.replace(str(old), str(program)))
        deadline = clock() + patience
        # At first the old one may still be active.
        while manager.invocation() in ("", running):
            if clock() >= deadline:
                raise ServiceError(
                    f"{program} looked at no frame within {patience:.0f} s; the version before runs again. "
                    "Why it did not: ferlite service logs"
                )
            sleep(_POLL)
    except BaseException:  # Ctrl-C included: nobody knows yet whether the new one is any good
        manager.install(before)
        raise


def _version(wheel: Path) -> str:
    if not wheel.is_file():
        raise MissingFileError(f"there is no wheel {wheel}")
    try:
        with ZipFile(wheel) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
            head = dict(line.split(": ", 1) for line in archive.read(name).decode().splitlines() if ": " in line)
        if head["Name"] != "ferlite":
            raise ValueError(head["Name"])
    except (BadZipFile, ValueError, KeyError, OSError) as error:
        raise UsageError(f"{wheel} is no wheel of ferlite") from error
    return head["Version"]


def _extras() -> list[str]:
    """Return the extras of ferlite whose packages are all installed here."""
    try:
        names, needed = metadata("ferlite").get_all("Provides-Extra") or [], requires("ferlite") or []
    except PackageNotFoundError:
        return []
    found = []
    for extra in names:
        named = [each for each in needed if re.search(rf"extra == ['\"]{extra}['\"]", each)]
        packages = [re.split(r"[^\w.-]", each, maxsplit=1)[0] for each in named]
        if packages and all(_installed(each) for each in packages):
            found.append(extra)
    return found


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _run(command: list[str], folder: str | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_STEP, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{' '.join(command)}: {error}; the service is as it was") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[-600:] or f"exit code {done.returncode}"
        raise ServiceError(f"{' '.join(command)} failed: {said}; the service is as it was")
