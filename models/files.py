"""Reading and writing whole files; a file never lies half-written under its final name."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import MissingFileError, OutputError

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""File suffixes that are read and written as single pictures."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name in the same folder; rename it to `path` when the block succeeds.

    Missing parent folders are created. The temporary file keeps the suffix of `path`, because many
    writers choose the format by it. It is removed when the block fails.

    Args:
        path: Final name of the file.

    Raises:
        OutputError: The folder can't be made or written, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror or error}; check free space and permissions") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write a whole file of bytes through `replacing`, with its errors."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def write_json(path: str | Path, value: Any) -> Path:
    """Write a JSON file, indented and with a final newline, through `replacing`, with its errors."""
    return write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_bytes(path: str | Path) -> bytes:
    """Read a whole file.

    Raises:
        MissingFileError: There is no such file, it is a folder, or it can't be read.
    """
    path = Path(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise MissingFileError(f"can't read {path}: {error.strerror or error}") from error


def sha256(*parts: bytes | memoryview) -> str:
    """Return the hexadecimal SHA-256 of the parts taken one after another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
