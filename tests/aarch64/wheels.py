"""What ferlite's dependencies resolve to on a Raspberry Pi, and the real wheels installed into a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from failures import CheckError, UnavailableError

PLATFORM = "aarch64-manylinux_2_35"

_OFFLINE = ("error sending request", "dns error", "Failed to fetch")


@dataclass(frozen=True)
class Resolution:
    """A set of wheels from a package index.

    Attributes:
        versions: By package.
        addresses: Of each package's wheels that fit, by package.
    """

    versions: dict[str, str]
    addresses: dict[str, list[str]]

    @property
    def pins(self) -> list[str]:
        """What to install, for pip and uv."""
        return [f"{name}=={version}" for name, version in self.versions.items()]

    def download(self) -> dict[str, int]:
        """Return the bytes of each package; where several wheels fit, of the largest."""
        return {name: max(map(_length, addresses)) for name, addresses in self.addresses.items()}


def resolve(
    python: str, requirements: Iterable[str], constraints: Iterable[str] = (), *, platform: str = PLATFORM
) -> Resolution:
    """Resolve requirements for a 64-bit Raspberry Pi as pip would there.

    Args:
        python: Version of its Python, for instance "3.11".
        requirements: What to install; a wheel at hand as `name @ file:///path`.
        constraints: What else must hold.
        platform: Another machine, in uv's words.

    Returns:
        What comes from an index.

    Raises:
        CheckError: They don't resolve.
        UnavailableError: uv or its network is not at hand.
    """
    with tempfile.TemporaryDirectory(prefix="ferlite-resolve-") as folder:
        wanted, held, lock = (Path(folder) / name for name in ("wanted.txt", "held.txt", "pylock.toml"))
        wanted.write_text("\n".join(requirements))
        held.write_text("\n".join(constraints))
        where = ["--python-version", python, "--python-platform", platform, "--only-binary", ":all:"]
        _uv(
            "pip", "compile", str(wanted), "--constraint", str(held), *where, "--format", "pylock.toml", "-o", str(lock)
        )
        packages = [p for p in tomllib.loads(lock.read_text())["packages"] if "wheels" in p]
    return Resolution(
        {package["name"]: package["version"] for package in packages},
        {package["name"]: [wheel["url"] for wheel in package["wheels"]] for package in packages},
    )


def install(folder: Path, python: str, *what: str, platform: str = PLATFORM) -> None:
    """Install wheels for a 64-bit Raspberry Pi into a folder, without what they depend on.

    Args:
        folder: Where to; for PYTHONPATH.
        python: Version of its Python.
        what: As `uv pip install` takes it: pinned packages, or a wheel.
        platform: Another machine, in uv's words.

    Raises:
        CheckError: It fails.
        UnavailableError: uv or its network is not at hand.
    """
    where = ["--python-version", python, "--python-platform", platform, "--no-deps"]
    _uv("pip", "install", "--target", str(folder), *where, *what)


def build(tree: Path, folder: Path) -> None:
    """Build a wheel by way of an archive of the sources.

    Directly, setuptools would work in the tree's own build folder and pack what older builds left there.

    Raises:
        CheckError: It fails.
        UnavailableError: uv or its network is not at hand.
    """
    _uv("build", "--out-dir", str(folder), str(tree))


def _uv(*arguments: str) -> None:
    """Run uv: beside this Python, or in PATH."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if not uv:
        raise UnavailableError("needs uv: pip install uv")
    done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        if any(sign in done.stderr for sign in _OFFLINE):
            raise UnavailableError("needs the package index, which uv does not reach")
        raise CheckError(f"uv {arguments[0]}: {done.stderr.strip()}")


def _length(url: str) -> int:
    try:
        with urlopen(Request(url, method="HEAD")) as answer:  # noqa: S310  (addresses come from the package index)
            return int(answer.headers["Content-Length"])
    except URLError as error:
        raise UnavailableError(f"needs the package index: {url}: {error.reason}") from error
