"""Under which topics a device publishes."""

from __future__ import annotations

import re

from ...errors import UsageError
from ..kept import device_id

RETAINED = ("availability", "camera", "state", "health")
"""What the broker retains."""


def topics(id: str) -> dict[str, str]:
    """Return the topics of a device by what they are for."""
    return {name: f"ferlite/{id}/{name}" for name in (*RETAINED, "event")}


def discovery_topic(prefix: str, id: str) -> str:
    """Return the topic on which Home Assistant hears of a device.

    Raises:
        UsageError: The prefix can't be that of a topic: it is long, or holds a wildcard or a blank.
    """
    if not re.fullmatch(r"[^+#\0\s]{1,100}", prefix):
        raise UsageError(f"the prefix for discovery is {prefix[:100]!r}; expected a topic as 'homeassistant'")
    return f"{prefix}/device/{id}/config"


def checked_id(id: str | None) -> str:
    """Return an id that may stand in topics; that of this installation if None.

    Raises:
        UsageError: It is long, or holds something else than letters, digits, _ and -.
    """
    if id is None:
        return device_id()
    if not re.fullmatch(r"[\w-]{1,50}", id, re.ASCII):
        raise UsageError(f"the id for MQTT is {id[:100]!r}; expected at most 50 letters, digits, _ and -")
    return id
