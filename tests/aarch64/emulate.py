"""Install and run ferlite as a Raspberry Pi does, on an x86-64 Debian machine: one command, no root.

    python tests/aarch64/emulate.py

It unpacks arm64 packages of Debian bookworm (Python 3.11) and trixie (Python 3.13), on which both
releases of Raspberry Pi OS are built, installs the ferlite wheel with the aarch64 wheels that its
dependencies resolve to, and runs it under QEMU's user-mode emulation as a Cortex-A72 (Raspberry Pi 4)
and a Cortex-A76 (Pi 5). What int8 models give must be what they give on x86, bit for bit.

No chroot, mount or binfmt_misc: `qemu-aarch64 -L ROOT` finds libraries under ROOT and leaves /proc and
/sys in sight, without which XNNPACK would silently step back. Programs that ferlite itself started would
be x86's; it starts none. Debian's packages stay in build/aarch64, to be used again.

Exit code 0: all passed; 1: something failed; 77: skipped, because something is not at hand here. With
`--no-skip`, or CI=true in the environment, a skip is a failure.
"""

from __future__ import annotations

import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import debian
import wheels
from checks import Checks, Machine
from failures import CheckError, UnavailableError, command

TREE = Path(__file__).resolve().parents[2]
CACHE = TREE / "build" / "aarch64"
PACKAGES = ("base-files", "python3", "libstdc++6")
CPUS = ("cortex-a72", "cortex-a76")
EXTRAS = ("mqtt", "web", "video")
MOST_DOWNLOADED = 70e6

Stage = tuple[str, Callable[[], str]]


@dataclass(frozen=True)
class System:
    """A release of Debian, and so of Raspberry Pi OS.

    Attributes:
        release: Its code name.
        python: Version of its Python.
        numpy: The numpy that apt has there but for bug fixes: python3-picamera2 brings it, and a venv
            that sees the system's packages keeps it, so ferlite must run with it.
        opencv: Beginning of the version that OpenCV must resolve to.
        cpu: Processor on which every command runs; on the other only the models do.
    """

    release: str
    python: str
    numpy: str
    opencv: str
    cpu: str


BOOKWORM = System("bookworm", "3.11", "1.24.4", "4.11.", "cortex-a72")
TRIXIE = System("trixie", "3.13", "2.2.*", "", "cortex-a76")
SYSTEMS = (BOOKWORM, TRIXIE)


def main() -> int:
    """Run everything and return the exit code."""

    def run(wheel: Path | None) -> None:
        with tempfile.TemporaryDirectory(prefix="ferlite-aarch64-") as work:
            emulate(wheel, Path(work))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"passed; {used.ru_utime + used.ru_stime:.0f} s of processor time")

    return command(__doc__, run)


def emulate(wheel: Path | None, work: Path) -> None:
    """Prepare the systems, two things at a time, and run what is to be run in them.

    Args:
        wheel: The ferlite wheel; built if None.
        work: An empty folder.

    Raises:
        CheckError: Something failed; all of it was printed.
        UnavailableError: Something is not at hand here.
    """
    if platform.machine() != "x86_64":
        raise UnavailableError(f"needs an x86-64 machine to compare with; this is {platform.machine()}")
    start = time.monotonic()
    checks = Checks(work)
    _together(
        start,
        [
            ("find QEMU", _find_qemu),
            ("wheel", partial(_make_wheel, wheel, work)),
            *((f"unpack arm64 {system.release}", partial(_unpack, system)) for system in SYSTEMS),
        ],
    )
    wheel = next(work.glob("*.whl"))
    _together(
        start,
        [
            *((f"install {system.release}", partial(_install, system, wheel, work)) for system in SYSTEMS),
            ("install tflite_runtime", partial(_install_fallback, wheel, work)),
            ("install OpenCV 4.14", partial(_install_other_opencv, work)),
            ("prepare", checks.prepare),
        ],
    )
    here = Machine("x86", (sys.executable,))
    plan = [(name, machine) for name in Checks.NAMES for machine in _machines(name, work)]
    for stages in ([(name, here) for name in Checks.NAMES], plan):
        _together(start, [(f"{machine.name}: {name}", partial(checks.run, name, machine)) for name, machine in stages])


def _machines(check: str, work: Path) -> list[Machine]:
    """Return the emulated machines on which a check runs."""
    machines = [
        _machine(system, cpu, work / system.release)
        for system in SYSTEMS
        for cpu in (CPUS if check == "models" else (system.cpu,))
    ]
    if check == "photo":
        machines.append(_machine(BOOKWORM, BOOKWORM.cpu, work / "tflite_runtime"))
        machines.append(_machine(TRIXIE, TRIXIE.cpu, work / "opencv-4.14", work / TRIXIE.release))
    return machines


def _together(start: float, stages: list[Stage]) -> None:
    """Do stages, two at a time, and print each with its time.

    Raises:
        CheckError: Some failed; the others were done nevertheless.
        UnavailableError: Something is not at hand here.
    """

    def do(stage: Stage) -> bool:
        title, work = stage
        began = time.monotonic()
        try:
            result, good = work(), True
        except CheckError as error:
            result, good = f"FAILED: {error}", False
        now = time.monotonic()
        print(f"{now - start:6.1f} s  {title}, {now - began:.1f} s: {result}", flush=True)
        return good

    with ThreadPoolExecutor(max_workers=2) as pool:
        good = list(pool.map(do, stages))
    if not all(good):
        raise CheckError(f"{good.count(False)} of {len(good)} stages, see above")


def _find_qemu() -> str:
    return debian.qemu(CACHE).name


def _unpack(system: System) -> str:
    root = debian.unpack(CACHE / system.release, system.release, "arm64", *PACKAGES)
    return root.name


def _make_wheel(wheel: Path | None, work: Path) -> str:
    """Put the wheel into the working folder."""
    if wheel is None:
        wheels.build(TREE, work)
    elif wheel.is_file():
        (work / wheel.name).symlink_to(wheel.resolve())
    else:
        raise CheckError(f"there is no wheel {wheel}")
    made = next(work.glob("*.whl"))
    return f"{made.name}, {made.stat().st_size / 1e6:.1f} MB"


def _install(system: System, wheel: Path, work: Path) -> str:
    """Install ferlite with what it depends on; what it resolves to must be what the system can use."""
    found = wheels.resolve(system.python, [f"ferlite @ {wheel.resolve().as_uri()}"], [f"numpy=={system.numpy}"])
    site = work / system.release
    wheels.install(site, system.python, *found.pins, str(wheel))
    versions = found.versions
    if not versions["opencv-python-headless"].startswith(system.opencv):
        raise CheckError(f"OpenCV is {versions['opencv-python-headless']}, not {system.opencv}*")
    if any("tensorflow" in name for name in versions):
        raise CheckError("TensorFlow comes along")
    sizes = found.download()
    fresh = sum(sizes.values())
    beside_apt = fresh - sizes["numpy"]
    if beside_apt > MOST_DOWNLOADED:
        raise CheckError(f"a Raspberry Pi would download {beside_apt / 1e6:.1f} MB")
    installed = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    extras = _install_extras(system, wheel, site, versions)
    return (
        f"downloads {beside_apt / 1e6:.1f} MB beside apt's numpy, {fresh / 1e6:.1f} MB with numpy; "
        f"{installed / 1e6:.0f} MB installed; {extras}; " + ", ".join(f"{n} {v}" for n, v in sorted(versions.items()))
    )


def _install_extras(system: System, wheel: Path, site: Path, base: dict[str, str]) -> str:
    """Install what the extras of a device need beside ferlite; return how much would be downloaded."""
    wanted = [f"ferlite[{','.join(EXTRAS)}] @ {wheel.resolve().as_uri()}"]
    found = wheels.resolve(system.python, wanted, [f"{name}=={version}" for name, version in base.items()])
    fresh = {name: size for name, size in found.download().items() if name not in base}
    wheels.install(site, system.python, *(f"{name}=={found.versions[name]}" for name in fresh))
    return f"extras {', '.join(EXTRAS)}: {sum(fresh.values()) / 1e6:.1f} MB"


def _install_fallback(wheel: Path, work: Path) -> str:
    """Install ferlite with tflite_runtime in place of LiteRT, as is done where LiteRT has no wheel."""
    wanted = ["tflite-runtime==2.14.0", "numpy<2", "opencv-python-headless<4.12", "typer>=0.16"]
    found = wheels.resolve(BOOKWORM.python, wanted)
    wheels.install(work / "tflite_runtime", BOOKWORM.python, *found.pins, str(wheel))
    return ", ".join(f"{name} {version}" for name, version in sorted(found.versions.items()))


def _install_other_opencv(work: Path) -> str:
    wheels.install(work / "opencv-4.14", TRIXIE.python, "opencv-python-headless==4.14.*")
    return next((work / "opencv-4.14").glob("*.dist-info")).stem


def _machine(system: System, cpu: str, *path: Path) -> Machine:
    """Return an emulated machine that imports from the folders of `path`."""
    root = CACHE / system.release
    command = (str(debian.qemu(CACHE)), "-cpu", cpu, "-L", str(root), str(root / "usr/bin/python3"))
    extra = [] if path[0].name == system.release else [path[0].name]
    return Machine(" ".join([system.release, cpu, *extra]), command, path)


if __name__ == "__main__":
    sys.exit(main())
