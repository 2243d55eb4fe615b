"""How a command line shows errors."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..device.sources.spec import masked
from ..errors import FerliteError, UsageError
from .console import echo

_LONGEST = 1200
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def reported(program: str) -> Iterator[None]:
    """Turn an error into one line on stderr and an exit code: 1 failed, 2 wrong usage, 130 interrupted.

    With `--debug` on the command line the error is raised as it is.

    Args:
        program: What a user types to run the command line, for the advice after an unexpected error.

    Raises:
        SystemExit: The block raised an error.
    """
    try:
        yield
    except KeyboardInterrupt:  # where typer does not look for it
        raise SystemExit(130) from None
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        message = str(error)
        if isinstance(error, OSError) and error.strerror and not isinstance(error, FerliteError):
            # Every file is written where its name is known: what has none is what was printed.
            name = error.filename or ("standard output" if error.errno in _FULL else "")
            message = f"{name}: {error.strerror}" if name else error.strerror
        elif isinstance(error, MemoryError):
            message = "the memory of this machine is not enough for that"
        elif not isinstance(error, FerliteError):
            message = f"unexpected {type(error).__name__}: {error}; '{program} --debug ...' shows where it came from"
        with suppress(OSError):  # standard error may be full, too
            echo(f"error: {_line(message)}", fg="red", err=True)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None


def _line(message: str) -> str:
    """Make one line of a message. It begins with the thing and ends with the remedy: a long one loses its middle."""
    words = message.replace("\n", " ").split(" ")
    line = " ".join(masked(word) if ":/" in word else word for word in words)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} [...] {line[-_LONGEST // 2 :]}"
