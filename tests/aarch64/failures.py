"""What such runs share: their options, two ways not to succeed, and the exit code that follows."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path


class UnavailableError(Exception):
    """Something that is needed is not at hand here; the message says what."""


class CheckError(Exception):
    """Something that must hold does not; the message says what."""


def command(description: str | None, run: Callable[[Path | None], None]) -> int:
    """Read the command line, run something and say how it went: 0 passed, 1 failed, 77 skipped.

    Args:
        description: What it does, for --help.
        run: What to run, with the wheel that was given, if one was.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="the ferlite wheel to test; built from this tree if not given")
    parser.add_argument("--no-skip", action="store_true", help="fail where something is not at hand")
    options = parser.parse_args()
    return exit_code(lambda: run(options.wheel), no_skip=options.no_skip)


def exit_code(run: Callable[[], int | None], *, no_skip: bool) -> int:
    """Run something and return the exit code: its own or 0, 1 failed, 77 skipped.

    Args:
        run: What to run.
        no_skip: What is skipped has failed, as in CI.
    """
    try:
        return run() or 0
    except UnavailableError as error:
        print(f"skipped: {error}")
        return 1 if no_skip or os.environ.get("CI") == "true" else 77
    except CheckError as error:
        print(f"failed: {error}")
        return 1
