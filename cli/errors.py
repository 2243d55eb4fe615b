"""How a command line shows errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from ..errors import FerliteError, UsageError


@contextmanager
def reported(program: str) -> Iterator[None]:
    """Turn an error into one line on stderr and an exit code: 1 failed, 2 wrong usage.

    With `--debug` on the command line the error is raised as it is.

    Args:
        program: What a user types to run the command line, for the advice after an unexpected error.

    Raises:
        SystemExit: The block raised an error.
    """
    try:
        yield
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        message = str(error)
        if not isinstance(error, FerliteError):
            message = f"unexpected {type(error).__name__}: {error}; '{program} --debug ...' shows where it came from"
        typer.secho(f"error: {message}", fg="red", err=True)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None
