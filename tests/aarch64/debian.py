"""Debian packages of any release and architecture, unpacked into a folder; needs no root."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from failures import UnavailableError

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def unpack(folder: Path, release: str, architecture: str, *packages: str) -> Path:
    """Unpack packages and all that they depend on, once: a folder that exists is taken as it is.

    Nothing is configured or started. Apt works on lists, a status and a cache of its own, so that it
    touches nothing of this machine.

    Args:
        folder: Where to.
        release: Code name of a Debian release, for instance "bookworm".
        architecture: Debian's name of it, for instance "arm64".
        packages: Names.

    Returns:
        The folder.

    Raises:
        UnavailableError: Apt or Debian's archive can't be reached from here.
    """
    if folder.is_dir():
        return folder
    apt = folder.with_name(f"{folder.name}.apt")
    for name in ("lists/partial", "archives/partial"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_archive()} {release} main\n")
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
        "Dir::State": apt,
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt,
        "Dir::Cache::archives": apt / "archives",
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
    }
    get = ["apt-get", "--quiet", *(f"--option={key}={value}" for key, value in options.items())]
    _run(*get, "update", "--error-on=any")
    _run(*get, "install", "--yes", "--download-only", *packages)
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for package in sorted((apt / "archives").glob("*.deb")):
        _run("dpkg-deb", "--extract", str(package), str(part))
    part.rename(folder)
    shutil.rmtree(apt)
    return folder


def qemu(cache: Path) -> Path:
    """Return QEMU's user-mode emulator for aarch64, of version 10 or later.

    Older ones crash when XNNPACK runs. Debian's is linked statically and so runs on older releases too.

    Raises:
        UnavailableError: There is none in PATH, and Debian's archive can't be reached.
    """
    for name in ("qemu-aarch64", "qemu-aarch64-static"):
        found = shutil.which(name)
        version = re.search(r"version (\d+)", _run(found, "--version")) if found else None
        if found and version and int(version[1]) >= 10:
            return Path(found)
    return unpack(cache / "qemu", "trixie", _run("dpkg", "--print-architecture").strip(), "qemu-user") / (
        "usr/bin/qemu-aarch64"
    )


def _archive() -> str:
    """Return the address of the Debian archive that this machine's apt uses."""
    if not _KEYRING.exists():
        raise UnavailableError(f"needs {_KEYRING} (package debian-archive-keyring) to trust Debian's packages")
    lines = _run("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages").splitlines()
    for line in lines:
        label, _, address = line.partition(" ")
        if label == "Debian":
            return address
    raise UnavailableError("needs a Debian system whose apt knows Debian's archive; run `apt-get update` first")


def _run(*command: str) -> str:
    """Run a command and return what it printed; its failing means that something is out of reach."""
    try:
        done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise UnavailableError(f"needs the command {command[0]}; Debian has it") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise UnavailableError(f"needs Debian's archive: {command[0]} {command[-1]} failed ({''.join(last)})")
    return done.stdout
