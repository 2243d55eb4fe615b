"""Drive ferlite's PiCamera on the real Picamera2 and libcamera, without a Pi: one command, no root.

    python tests/picamera/drive.py

It unpacks Debian trixie's Python 3.13 and libcamera, on which Raspberry Pi OS is built, for this machine's
processor, installs the ferlite wheel and Picamera2 beside them, and runs `checks.py` there on the camera
"virtual" that libcamera draws. That camera has one stream, in NV12; Debian's libcamera is not Raspberry
Pi's, so nothing is said about sensors, their controls, lores streams and autofocus.

The system is entered by chroot in a mount namespace, as root or where users may have namespaces. Debian's
packages stay in build/picamera, to be used again.

Exit code 0: all passed; 1: something failed; 77: skipped, because something is not at hand here. With
`--no-skip`, or CI=true in the environment, a skip is a failure.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "aarch64"))

import debian  # noqa: E402  (lies beside the emulation that it was made for)
import wheels  # noqa: E402
from failures import CheckError, UnavailableError, command  # noqa: E402

TREE = HERE.parents[1]
CACHE = TREE / "build" / "picamera"
RELEASE, PYTHON, NUMPY = "trixie", "3.13", "numpy==2.2.*"
PACKAGES = ("base-files", "python3", "python3-libcamera", "libstdc++6")
PICAMERA2 = "picamera2==0.3.38"
IMPORTED = ("piexif", "pillow", "simplejpeg", "videodev2")  # by Picamera2, of what it depends on


def main() -> int:
    """Run everything and return the exit code."""

    def run(wheel: Path | None) -> None:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="ferlite-picamera-") as work:
            root = prepare(wheel, Path(work))
            print(f"prepared in {time.monotonic() - start:.1f} s", flush=True)
            drive(root, Path(work))
        print(f"passed in {time.monotonic() - start:.1f} s")

    return command(__doc__, run)


def prepare(wheel: Path | None, work: Path) -> Path:
    """Unpack the system and put what is to be run in it into a folder.

    Args:
        wheel: The ferlite wheel; built if None.
        work: An empty folder.

    Returns:
        The system's root.

    Raises:
        CheckError: Something fails to build.
        UnavailableError: Something is not at hand here.
    """
    if not _namespace("true"):
        raise UnavailableError("needs a mount namespace: run as root, or let users have namespaces")
    compiler = shutil.which("cc")
    if not compiler:
        raise UnavailableError("needs a C compiler as cc; Debian has gcc")
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    root = debian.unpack(CACHE / RELEASE, RELEASE, architecture, *PACKAGES)
    settings = root / "usr/share/libcamera/pipeline/virtual"
    settings.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "virtual.yaml", settings)
    (root / "etc/ld.so.preload").write_text("/tmp/fakedma.so\n")  # noqa: S108  (the system's, see `drive`)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", work / "fakedma.so", HERE / "fakedma.c"], check=True)
    if wheel is None:
        wheels.build(TREE, work)
        wheel = next(work.glob("*.whl"))
    machine = f"{platform.machine()}-manylinux_2_35"
    found = wheels.resolve(PYTHON, [f"ferlite @ {wheel.resolve().as_uri()}", *IMPORTED], [NUMPY], platform=machine)
    wheels.install(work / "site", PYTHON, *found.pins, PICAMERA2, str(wheel), platform=machine)
    for name in ("checks.py", "picamera2_virtual.py"):
        shutil.copy(HERE / name, work)
    return root


def drive(root: Path, work: Path) -> None:
    """Run the checks in the system, where the folder `work` is /tmp.

    Raises:
        CheckError: They fail.
    """
    mounts = [("--rbind", f"/{name}", root / name) for name in ("dev", "proc", "sys")]
    mounts.append(("--bind", str(work), root / "tmp"))
    lines = [shlex.join(["mount", option, origin, str(target)]) for option, origin, target in mounts]
    lines.append(shlex.join(["exec", "chroot", str(root), "/usr/bin/python3", "/tmp/checks.py"]))  # noqa: S108
    if not _namespace("sh", "-ec", "\n".join(lines), PYTHONPATH="/tmp/site", LIBCAMERA_LOG_LEVELS="*:FATAL"):  # noqa: S108
        raise CheckError("the checks, see above")


def _namespace(*command: str, **environment: str) -> bool:
    """Run a command where it may mount without anybody else seeing it, and say whether it went well."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        return not subprocess.call(["unshare", *user, "--mount", *command], env={"PATH": path, **environment})
    except FileNotFoundError as error:
        raise UnavailableError("needs the command unshare; Debian has it in util-linux") from error


if __name__ == "__main__":
    sys.exit(main())
