"""What a check of the device found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: What was looked at.
        status: "ok"; "warn", where it works and could be better; "fail", where it can't work.
        found: What was seen, in words.
        remedy: What to do about it; empty where all is well.
    """

    check: str
    status: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON file holds."""
        return asdict(self)
