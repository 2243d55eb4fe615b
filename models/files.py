"""Reading and writing whole files; a file never lies half-written under its final name, also after a power cut."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import MissingFileError, OutputError

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""File suffixes that are read and written as single pictures."""


@contextmanager
def replacing(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary name in the same folder; rename it to `path` when the block succeeds.

    Missing parent folders are made. The temporary file keeps the suffix of `path`, because many writers
    choose the format by it. It is removed when the block fails.

    Args:
        path: Final name of the file.
        durable: The file survives a power cut from the end of the block on. Without, a cut may leave an
            empty file: for what is replaced so often that a memory card would wear out.

    Raises:
        OutputError: The folder can't be made or written, or the disk is full.
    """
    path = Path(path)
    # Cut, because `path` may have the longest name that a file system takes, 255 bytes.
    temporary = path.with_name(f".{path.stem[:40]}.{uuid.uuid4().hex[:8]}{path.suffix[:16]}")
    try:
        make_folder(path.parent)
        yield temporary
        if durable:
            sync(temporary)
        temporary.replace(path)
        if durable:
            sync(path.parent)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror or error}; check free space and permissions") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk, where a power cut spares it.

    Raises:
        OSError: The disk is full or gone.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        # Some network file systems know no fsync of a folder, and one may write into folders that one can't list.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP, errno.EACCES)):
            raise


def make_folder(folder: Path) -> None:
    """Make a folder and its parents where they are missing, in a way that survives a power cut.

    Raises:
        OSError: A file is in the way, or a folder can't be written.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        sync(each.parent)


def write_bytes(path: str | Path, data: bytes, *, durable: bool = True) -> Path:
    """Write a whole file of bytes through `replacing`, with its errors."""
    with replacing(path, durable=durable) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def write_json(path: str | Path, value: Any) -> Path:
    """Write a JSON file, indented and with a final newline, through `replacing`, with its errors."""
    return write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_bytes(path: str | Path) -> bytes:
    """Read a whole file.

    Raises:
        MissingFileError: There is no such file, it is a folder, pipe or device, or it can't be read.
    """
    path = Path(path)
    try:
        # A pipe would wait for its writer, and a device may have no end.
        if path.exists() and not path.is_file() and not path.is_dir():
            raise MissingFileError(f"can't read {path}: it is a pipe, socket or device; save what comes from it")
        return path.read_bytes()
    except MissingFileError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise MissingFileError(f"can't read {path}: {getattr(error, 'strerror', None) or error}") from error


def sha256(*parts: bytes | memoryview) -> str:
    """Return the hexadecimal SHA-256 of the parts taken one after another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
