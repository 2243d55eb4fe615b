"""Runs the core of Home Assistant with its MQTT integration alone, and prints each change of a state as JSON.

    python house.py FOLDER PORT AUTOMATIONS

AUTOMATIONS is a YAML file; instead of acting, each prints that it would. Runs in a virtual environment of Home
Assistant's own; ferlite is not imported. Ends with its standard input.
"""

# pyright: reportMissingImports=false, reportMissingModuleSource=false

import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import yaml
from homeassistant import bootstrap, loader
from homeassistant.components.mqtt import client
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.setup import async_setup_component

ACTED = "acted"

client.RECONNECT_INTERVAL_SECONDS = 1  # instead of 10, for the test's sake

for kind in ("binary_sensor", "event", "sensor"):  # a house has imported these long ago
    import_module(f"homeassistant.components.mqtt.{kind}")


def tell(entity: str, state: str | None, attributes: object = None) -> None:
    """Print a line."""
    print(json.dumps({"entity": entity, "state": state, "attributes": attributes}, default=str), flush=True)


@callback
def changed(event: Event) -> None:
    """Print what the recorder would write as a row."""
    state = event.data["new_state"]
    tell(event.data["entity_id"], state.state if state else None, dict(state.attributes) if state else None)


async def main(folder: str, port: str, automations: str) -> None:
    """Live until standard input ends."""
    Path(folder, "configuration.yaml").touch()
    hass = HomeAssistant(folder)
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    # What asks for a web server, which only its pages use.
    hass.config.components |= {"http", "file_upload", "homeassistant", "websocket_api"}
    hass.bus.async_listen(EVENT_STATE_CHANGED, changed)
    hass.bus.async_listen(ACTED, callback(lambda event: tell(ACTED, event.data["name"])))
    hass.set_state(CoreState.running)
    listed = yaml.safe_load(Path(automations).read_text())
    for each in listed:
        each["actions"] = [{"event": ACTED, "event_data": {"name": each["alias"]}}]
    await async_setup_component(hass, "automation", {"automation": listed})
    await hass.config_entries.async_add(
        ConfigEntry(
            data={"broker": "127.0.0.1", "port": int(port)},
            discovery_keys=MappingProxyType({}),
            domain="mqtt",
            minor_version=1,
            options={},
            source="user",
            title="broker",
            unique_id=None,
            version=1,
        )
    )
    await asyncio.to_thread(sys.stdin.read)
    await hass.async_stop(force=True)


asyncio.run(main(*sys.argv[1:]))
