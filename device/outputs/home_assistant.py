"""What Home Assistant must know to show a device that publishes by MQTT, in one message.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from ..types import UNCERTAIN, UNREADABLE
from .presence import NOBODY

EVENTS = ("appeared", "held", "left")
"""Kinds of events that are shown; the entity of the label shows the others."""

LATE = 10
"""Seconds that an event may have waited for the broker and still be shown; an older one would set off automations."""

WATCHED = ("running", "stalled")
"""States of the pipeline in which the camera is there."""


def discovery(
    device: str, name: str, model: str, labels: Sequence[str], topics: Mapping[str, str], heartbeat: float
) -> dict[str, Any]:
    """Return the payload of the message on `PREFIX/device/ID/config`.

    Args:
        device: Id of the device.
        name: What Home Assistant calls it.
        model: Name of the model that reads the faces.
        labels: The model's labels.
        topics: Topic of "availability", "camera", "state", "event" and "health".
        heartbeat: Seconds between two messages on "health".
    """
    unique = f"ferlite_{device}"
    watched = "{{ 'online' if value_json.state in " + str(list(WATCHED)) + " else 'offline' }}"
    alive = {"topic": topics["availability"]}
    face = {
        "state_topic": topics["state"],
        "availability": [alive, {"topic": topics["camera"], "value_template": watched}],
        "availability_mode": "all",
    }
    health = {
        "state_topic": topics["health"],
        "expire_after": round(3 * heartbeat),
        "entity_category": "diagnostic",
    }
    entities: dict[str, dict[str, Any]] = {
        "people": {
            **face,
            "platform": "sensor",
            "name": "People",
            "value_template": "{{ value_json.people }}",
            "state_class": "measurement",
            "icon": "mdi:account-group",
        },
        "label": {
            **face,
            "platform": "sensor",
            "name": "Nearest face",
            "value_template": "{{ value_json.label }}",
            "device_class": "enum",
            "options": list(dict.fromkeys([*labels, UNCERTAIN, UNREADABLE, NOBODY])),
            "icon": "mdi:emoticon-outline",
        },
        "event": {
            "platform": "event",
            "name": "Last event",
            "state_topic": topics["event"],
            "event_types": list(EVENTS),
            # Home Assistant passes over an empty one.
            "value_template": "{{ value if value_json.event_type in "
            + f"{list(EVENTS)} and value_json.age < {LATE}"
            + " else '' }}",
            "icon": "mdi:account-eye-outline",
        },
        "camera": {
            "platform": "binary_sensor",
            "name": "Camera",
            "state_topic": topics["camera"],
            "value_template": "{{ 'ON' if value_json.state in " + str(list(WATCHED)) + " else 'OFF' }}",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
        },
        "rate": {
            **health,
            "platform": "sensor",
            "name": "Frames a second",
            "value_template": "{{ value_json.rate }}",
            "state_class": "measurement",
            "unit_of_measurement": "fps",
            "suggested_display_precision": 1,
            "icon": "mdi:speedometer",
        },
        "temperature": {
            **health,
            "platform": "sensor",
            "name": "Temperature",
            "value_template": "{{ value_json.celsius }}",
            "device_class": "temperature",
            "state_class": "measurement",
            "unit_of_measurement": "°C",
        },
        "problem": {
            **health,
            "platform": "binary_sensor",
            "name": "Problem",
            "value_template": "{{ 'ON' if value_json.problem else 'OFF' }}",
            "device_class": "problem",
            "json_attributes_topic": topics["health"],
            "json_attributes_template": "{{ {'reason': value_json.problem} | tojson }}",
        },
    }
    return {
        "device": {
            "identifiers": [unique],
            "name": name,
            "manufacturer": "ferlite",
            "model": model,
            "sw_version": version("ferlite"),
        },
        "origin": {"name": "ferlite", "sw_version": version("ferlite")},
        "availability": [alive],
        "qos": 1,
        "components": {key: {"unique_id": f"{unique}_{key}", **entity} for key, entity in entities.items()},
    }
