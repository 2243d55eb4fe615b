"""Reading a data set in whatever form it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import FerliteError, MissingFileError
from . import eigenfaces, muxspace
from .dataset import Dataset
from .eigenfaces import EIGENFACES
from .fer2013 import from_csv
from .folders import from_folder


def load_dataset(path: str | Path) -> Dataset:
    """Read a data set from a csv file or a folder, whichever `path` is; `eigenfaces` is carried along.

    Raises:
        MissingFileError: There is no file or folder at `path`, or it can't be read.
        DataError: It is not a data set that ferlite can read; the message says where it fails.
    """
    if str(path) == EIGENFACES:
        return replace(eigenfaces.dataset(), path=EIGENFACES)
    path = Path(path)
    try:
        if path.is_file():
            read = from_csv
        elif path.is_dir():
            read = muxspace.read if muxspace.is_at(path) else from_folder
        else:  # nothing, or a device or FIFO
            raise MissingFileError(
                f"there is no data set at {path}; see docs/training.md for the forms that data can have"
            )
        return replace(read(path), path=str(path.resolve()))
    except FerliteError:
        raise
    except OSError as error:
        raise MissingFileError(f"can't read {error.filename or path}: {error.strerror or error}") from error
