"""Standard output and error, whatever they lead to."""

from __future__ import annotations

import codecs
import json
import os
import sys
from io import TextIOWrapper

from ..errors import OutputError


def prepare() -> None:
    """Make every text printable, and no file one that libraries print into.

    What the encoding of standard output lacks is escaped as JSON has it.

    Raises:
        OutputError: Standard output is closed.
    """
    # The next file that is opened would become a closed standard output or error.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stdout is None:
        raise OutputError("standard output is closed; lead it to a file, or to /dev/null")
    if isinstance(sys.stdout, TextIOWrapper):
        codecs.register_error("escape", _escape)
        sys.stdout.reconfigure(errors="escape")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
