"""Imports that need an optional part of ferlite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import RuntimeMissingError
from ..models.native_log import muted_stderr
from .starting import at_once


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Turn a missing package into the line that installs it; enter around imports.

    Args:
        extra: The extra of ferlite that the package comes with.

    Raises:
        RuntimeMissingError: A package that the block imports is not installed.
    """
    try:
        with at_once(), muted_stderr():
            yield
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("ferlite"):
            raise
        raise RuntimeMissingError(
            f"this command needs {error.name}, which comes with the extra '{extra}': "
            f"pip install 'ferlite[{extra}]' (in a clone: pip install -e '.[{extra}]')"
        ) from error
