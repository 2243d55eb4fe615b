"""The state of a run in its folder, kept so that a damaged file costs one epoch and not the run.

run.json is written last and holds the hashes of the other files, which shows whether they belong together.
Before they are replaced they are copied to `previous/`: at any moment at least one of the two states is whole.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from ..errors import DataError, MissingFileError
from ..models.files import read_bytes, sha256, write_bytes, write_json

INFO = "run.json"
FILES = ("recipe.toml", "history.csv", "best.keras", "last.keras")
"""What the state of a run consists of, with `INFO`."""

PREVIOUS = "previous"
REMEDY = "the same 'ferlite train' goes back to the epoch before"

_log = logging.getLogger(__name__)


class _Source(BaseModel):
    name: str
    path: str
    sha256: str
    faces: dict[str, int]


_NONE = _Source(name="", path="", sha256="", faces={})


class _Best(BaseModel):
    epoch: int
    val_accuracy: FiniteFloat


class _Info(BaseModel):
    """What is read of run.json."""

    recipe: str
    data: _Source
    extra: _Source = _NONE
    votes: dict[str, str] = Field(default_factory=dict)
    teachers: dict[str, Any] = Field(default_factory=dict)
    start: dict[str, str] = Field(default_factory=dict)
    labels: list[str] = Field(min_length=1)
    versions: dict[str, str]
    epochs_done: int = Field(ge=0)
    parameters: int = 0
    macs: int = 0
    best: _Best = _Best(epoch=0, val_accuracy=0)
    files: dict[str, str] = Field(default_factory=dict)


def read_info(folder: Path) -> dict[str, Any]:
    """Return the content of run.json.

    Raises:
        MissingFileError: There is none.
        DataError: It is damaged.
    """
    path = folder / INFO
    text = read_bytes(path)
    try:
        info = json.loads(text)
        _Info.model_validate(info)
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path} is damaged: {'.'.join(map(str, first['loc']))}: {first['msg']}; {REMEDY}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged: {error}; {REMEDY}") from error
    return info


@contextmanager
def replacing_state(folder: Path, info: dict[str, Any]) -> Iterator[None]:
    """Keep the state of a run as the previous one, and finish the state that the block writes.

    Args:
        folder: The run folder.
        info: Content of the new run.json; the block may change it.

    Raises:
        DataError: A file was changed by somebody else since it was written.
        OutputError: The folder can't be written.
    """
    changed = _damaged(folder)
    if changed:
        raise DataError(f"{folder}: {', '.join(changed)} changed while training went on; {REMEDY}")
    _copy(folder, folder / PREVIOUS)
    yield
    write_state(folder, info)


def write_state(folder: Path, info: dict[str, Any]) -> None:
    """Write run.json for the other files as they are now; their hashes are added to `info`."""
    info["files"] = _hashes(folder)
    write_json(folder / INFO, info)


def restore(folder: Path) -> None:
    """Go back to the previous state where the files of a run don't belong together; say so in the log.

    Raises:
        DataError: The previous state is damaged, too.
    """
    previous = folder / PREVIOUS
    if not (folder / INFO).exists() and not (previous / INFO).exists():
        return
    damaged = _damaged(folder)
    if not damaged:
        return
    names = ", ".join(damaged)
    worse = _damaged(previous)
    if worse:
        raise DataError(
            f"{folder}: {names} damaged, and in {PREVIOUS}/ {', '.join(worse)}; restore a backup, or remove the folder "
            "to train from the start"
        )
    _copy(previous, folder)
    epochs = read_info(folder)["epochs_done"]
    _log.warning("%s: %s damaged, or not saved to the end; going on after epoch %d", folder, names, epochs)


@contextmanager
def named_if_damaged(path: Path) -> Iterator[Path]:
    """Turn whatever Keras raises for a missing or damaged file into a DataError that names it."""
    try:
        yield path
    except MemoryError:
        raise
    except Exception as error:
        raise DataError(f"{path} is missing or damaged; {REMEDY}") from error


def remove(folder: Path) -> None:
    """Remove the state of a run, and the folder if nothing else is in it.

    Raises:
        OSError: Something else is, or the folder is none.
    """
    for name in (*FILES, INFO):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / PREVIOUS, ignore_errors=True)
    folder.rmdir()


def _damaged(folder: Path) -> list[str]:
    """Name the files that are not what run.json says of them; runs of older versions say nothing."""
    try:
        info = read_info(folder)
    except (MissingFileError, DataError):
        return [INFO]
    found, stated = _hashes(folder), info.get("files", {})
    return [name for name in FILES if stated and stated.get(name) != found.get(name)]


def _hashes(folder: Path) -> dict[str, str]:
    return {name: sha256(read_bytes(folder / name)) for name in FILES if (folder / name).exists()}


def _copy(source: Path, target: Path) -> None:
    """Copy a state; run.json last, without which it does not count."""
    for name in (*FILES, INFO):
        if (source / name).exists():
            write_bytes(target / name, read_bytes(source / name))
        else:
            (target / name).unlink(missing_ok=True)
