"""Two ways for such a run not to succeed, and the exit code that follows."""

from __future__ import annotations

import os
from collections.abc import Callable


class UnavailableError(Exception):
    """Something that is needed is not at hand here; the message says what."""


class CheckError(Exception):
    """Something that must hold does not; the message says what."""


def exit_code(run: Callable[[], None], no_skip: bool) -> int:
    """Run something and say how it went: 0 passed, 1 failed, 77 skipped.

    Args:
        run: What to run.
        no_skip: Count a skip as a failure, as where CI=true is in the environment.
    """
    try:
        run()
    except UnavailableError as error:
        print(f"skipped: {error}")
        return 1 if no_skip or os.environ.get("CI") == "true" else 77
    except CheckError as error:
        print(f"failed: {error}")
        return 1
    return 0
