"""What a 64-bit Raspberry Pi gets: the markers in pyproject.toml, resolved for its Pythons."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

TREE = Path(__file__).resolve().parents[2]
HEAVY = ("tensorflow", "keras", "torch", "matplotlib", "scipy", "onnxruntime")


def missing(reason: str) -> NoReturn:
    """Skip on a contributor's machine; where CI runs, what is missing is an error."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def resolved(python: str, platform: str) -> dict[str, str]:
    """Return the version of each package that ferlite without extras resolves to."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        missing("needs uv: pip install uv")
    where = ["--python-version", python, "--python-platform", platform, "--only-binary", ":all:"]
    done = subprocess.run(
        [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", *where, str(TREE / "pyproject.toml")],
        capture_output=True,
        text=True,
        check=False,
    )
    if any(sign in done.stderr for sign in ("error sending request", "dns error", "Failed to fetch")):
        missing("needs the package index, which is out of reach")
    assert done.returncode == 0, done.stderr
    pairs = (line.partition("==") for line in done.stdout.splitlines())
    return {name: version for name, _, version in pairs}


@pytest.mark.parametrize(
    ("python", "numpy", "opencv"),
    [
        # Raspberry Pi OS Bookworm: apt's picamera2 is built against numpy 1.24.
        ("3.11", "1.", "4.11."),
        ("3.12", "2.", ""),
        # Raspberry Pi OS Trixie: apt has numpy 2.2.
        ("3.13", "2.", ""),
    ],
)
def test_raspberry_pi(python: str, numpy: str, opencv: str) -> None:
    versions = resolved(python, "aarch64-manylinux_2_35")
    assert versions["numpy"].startswith(numpy)
    assert versions["opencv-python-headless"].startswith(opencv)
    assert "ai-edge-litert" in versions
    assert not set(HEAVY) & set(versions)


def test_workstation_with_python_3_11_gets_numpy_2() -> None:
    assert resolved("3.11", "x86_64-manylinux_2_35")["numpy"].startswith("2.")
