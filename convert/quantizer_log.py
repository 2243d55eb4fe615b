"""Keeping the quantizer's chatter from the user's screen."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

from ..models.native_log import quiet


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Silence the quantizer's progress bars and the runtime's warning about keeping tensors."""
    nowhere = io.StringIO()
    with quiet(), warnings.catch_warnings(), contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        yield
