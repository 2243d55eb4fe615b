"""Hiding what the quantizer prints."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

from ..models.native_log import muted_stderr


@contextlib.contextmanager
def muted_quantizer() -> Iterator[None]:
    """Hide the quantizer's progress bars and the runtime's warning about keeping tensors."""
    nowhere = io.StringIO()
    with (
        muted_stderr(),
        warnings.catch_warnings(),
        contextlib.redirect_stderr(nowhere),
        contextlib.redirect_stdout(nowhere),
    ):
        warnings.simplefilter("ignore")
        yield
