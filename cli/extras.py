"""Imports that need an optional part of ferlite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..models.errors import RuntimeMissingError


@contextmanager
def needs_host() -> Iterator[None]:
    """Turn a missing package of the extra `host` into the line that installs it.

    Raises:
        RuntimeMissingError: A package that the block imports is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("ferlite"):
            raise
        raise RuntimeMissingError(
            f"this command needs {error.name}, which comes with the extra 'host': "
            "pip install 'ferlite[host]' (in a clone: pip install -e '.[host]')"
        ) from error
