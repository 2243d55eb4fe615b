"""Limits for files, as a command line states them."""

from __future__ import annotations

import re

from ..device.outputs.rotation import Rotation
from ..errors import UsageError

_BYTES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def rotation(size: str | None, age: str | None, keep: str | None, *, live: bool) -> Rotation | None:
    """Make the limit for the files of a run, from texts as 100MB, 24h and 1GB; "none" is no limit.

    Args:
        size: See `Rotation`, as with the others; None for its default.
        age: As `size`.
        keep: `total`.
        live: There is a limit even if nothing is given.

    Raises:
        UsageError: A text can't be read, or a value is below 1.
    """
    if not live and size is age is keep is None:
        return None
    return Rotation(
        _parsed("--file-size", size or "100MB", r"([kmgt]?)b?", _BYTES),
        _parsed("--file-age", age or "24h", "([smhd])", _SECONDS),
        _parsed("--keep", keep or "1GB", r"([kmgt]?)b?", _BYTES),
    )


def _parsed(option: str, text: str, unit: str, units: dict[str, float]) -> float | None:
    if text.lower() == "none":
        return None
    match = re.fullmatch(rf"(\d+(?:\.\d+)?) ?{unit}", text.lower())
    if match is None:
        example = "100MB" if units is _BYTES else "24h"
        raise UsageError(f"{option} is {text!r}; expected for instance {example}, or none for no limit")
    return float(match[1]) * units[match[2]]
