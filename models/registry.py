"""The shipped models: the `.tflite` files beside this module, by name, and the table of their hashes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..errors import unknown
from .files import read_bytes, sha256, write_bytes

FOLDER = Path(__file__).parent
"""Where the shipped model files lie."""

HASHES = FOLDER / "SHA256SUMS"
"""Their SHA-256, as `sha256sum` writes and checks it. The commands of `ferlite.tools` that make these files and
their cards write it, see `write_hashes`."""


def names() -> list[str]:
    """Return the names of the shipped models, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.tflite"))


def path(name: str | Path) -> Path:
    """Return where a model file lies.

    Args:
        name: Name of a shipped model ("yunet"), or the path of a .tflite file, which is returned as it
            is, whether there is such a file or not.

    Raises:
        UnknownNameError: There is no shipped model of this name.
    """
    if Path(name).suffix == ".tflite":
        return Path(name)
    if str(name) not in names():
        raise unknown("model", str(name), names())
    return FOLDER / f"{name}.tflite"


def is_shipped(content: bytes) -> bool:
    """Return whether a file's content is that of a shipped model, by its SHA-256."""
    return sha256(content) in _hashes()


def hash_lines() -> str:
    """Return what `HASHES` must hold: a line for each shipped model."""
    return "".join(f"{sha256(read_bytes(path(name)))}  {path(name).name}\n" for name in names())


def write_hashes() -> Path:
    """Write `HASHES` from the files that are there. For maintainers.

    Raises:
        OutputError: The file can't be written.
    """
    _hashes.cache_clear()
    return write_bytes(HASHES, hash_lines().encode())


@cache
def _hashes() -> frozenset[str]:
    return frozenset(line.split()[0] for line in read_bytes(HASHES).decode().splitlines())
