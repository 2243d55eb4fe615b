"""Imports that need an optional part of ferlite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ..models.errors import RuntimeMissingError


def needs_host() -> AbstractContextManager[None]:
    """Enter around imports that the extra `host` provides; see `_needs`."""
    return _needs("host")


def needs_maintain() -> AbstractContextManager[None]:
    """Enter around imports that the extra `maintain` provides; see `_needs`."""
    return _needs("maintain")


@contextmanager
def _needs(extra: str) -> Iterator[None]:
    """Turn a missing package of an extra into the line that installs it.

    Raises:
        RuntimeMissingError: A package that the block imports is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("ferlite"):
            raise
        raise RuntimeMissingError(
            f"this command needs {error.name}, which comes with the extra '{extra}': "
            f"pip install 'ferlite[{extra}]' (in a clone: pip install -e '.[{extra}]')"
        ) from error
