"""What ferlite takes before it has done anything: room on the disk, time to start, memory."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2

from ..data.results.device import FootprintLimits, FootprintResult
from ..data.results.files import FOOTPRINT_SCHEMA
from ..device.classifier import DEFAULT_MODEL
from ..device.sources.virtual import VirtualCamera
from ..errors import FerliteError
from ..models import registry
from . import machine

LIMITS: FootprintLimits = {"import_ms": 50, "first_result_ms": 700, "peak_rss_bytes": 120_000_000}
"""What ferlite means to stay under, on a workstation."""

_PACKAGE = Path(__file__).parents[1]
_IMPORT = "import time; start = time.perf_counter(); import ferlite; print(time.perf_counter() - start)"
# The peak is read inside, because the one that wait() tells of a child counts its parent's memory too.
_RUN = """
import atexit
from pathlib import Path
atexit.register(lambda: print(Path("/proc/self/status").read_text()))
from ferlite.cli.app import main
main()
"""


def measure(model: str | Path = DEFAULT_MODEL, *, runs: int = 5) -> FootprintResult:
    """Measure the installation, and `ferlite run` on a picture in fresh processes.

    Files are read once before they are timed, as on a device that runs ferlite again, not as on the
    first start after switching on.

    Args:
        model: Shipped model, or path of a .tflite file.
        runs: How often each start is repeated; medians are given.

    Returns:
        JSON-ready result: `installed_bytes` in all and by package; in milliseconds `import_ms`, of
        `import ferlite` in a Python that runs already, and `first_result_ms`, from starting the command to
        its first line, of which `python_ms` goes by before Python does anything; `peak_rss_bytes`; and
        the `limits` of the three.

    Raises:
        FerliteError: Whatever `ferlite run` raises, in its words.
    """
    packages = installed()
    with TemporaryDirectory(prefix="ferlite-footprint-") as folder:
        picture = Path(folder) / "picture.png"
        picture.write_bytes(cv2.imencode(".png", VirtualCamera(faces=1).frame(0).image)[1].tobytes())
        command = ["run", "--source", str(picture), "--model", str(registry.path(model))]
        starts = [_start(command) for _ in range(runs + 1)][1:]
    return {
        "schema": FOOTPRINT_SCHEMA,
        **machine.describe(),
        "model": str(model),
        "runs": runs,
        "limits": LIMITS,
        "installed_bytes": sum(packages.values()),
        "packages": packages,
        "python_ms": 1000 * median(_elapsed("pass") for _ in range(runs)),
        "import_ms": 1000 * median(float(_python(_IMPORT)) for _ in range(runs)),
        "first_result_ms": 1000 * median(seconds for seconds, _ in starts),
        "peak_rss_bytes": round(median(peak for _, peak in starts)),
    }


def installed(package: str = "ferlite") -> dict[str, int]:
    """Return the size of a package and of all that it needs, without extras, in bytes by name.

    What a package needs on other systems only is left out where it is not installed.
    """
    sizes: dict[str, int] = {}
    left = [package]
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if name in sizes:
            continue
        sizes[name] = _own_size() if name == "ferlite" else _size(distribution)
        for requirement in distribution.requires or []:
            if not re.search(r";.*\bextra\b", requirement):
                left.append(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _size(distribution: metadata.Distribution) -> int:
    paths = (Path(str(file.locate())) for file in distribution.files or [])
    return sum(path.stat().st_size for path in paths if path.is_file())


def _own_size() -> int:
    """Return ferlite's own size; counted by folder, because a clone installed with `-e` lists no files."""
    folders = [file.parent for file in _PACKAGE.glob("*/__init__.py")]
    files = [*_PACKAGE.glob("*.py"), *(file for folder in folders for file in folder.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file() and "__pycache__" not in file.parts)


def _start(command: list[str]) -> tuple[float, int]:
    """Start `ferlite`; return the seconds until its first line, and its peak of resident memory in bytes."""
    begun = time.perf_counter()
    with subprocess.Popen(  # noqa: S603  (this Python, and the code above)
        [sys.executable, "-P", "-c", _RUN, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout  # noqa: S101  (a pipe was asked for)
        process.stdout.readline()
        seconds = time.perf_counter() - begun
        status, errors = process.communicate()
    if process.returncode:
        raise FerliteError(errors.strip())
    peak = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return seconds, int(peak[1]) * 1024 if peak else 0


def _elapsed(code: str) -> float:
    begun = time.perf_counter()
    _python(code)
    return time.perf_counter() - begun


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout  # noqa: S603
