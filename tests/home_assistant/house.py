"""Runs the core of Home Assistant with its MQTT integration alone, and prints each change of a state as JSON.

    python house.py FOLDER PORT

Runs in a virtual environment of Home Assistant's own; ferlite is not imported. Ends with its standard input.
"""

import asyncio
import json
import sys
from pathlib import Path
from types import MappingProxyType

from homeassistant import bootstrap, loader
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import CoreState, Event, HomeAssistant, callback


@callback
def tell(event: Event) -> None:
    """Print what the recorder would write as a row."""
    state = event.data["new_state"]
    values = state and {"state": state.state, "attributes": dict(state.attributes)}
    print(json.dumps({"entity": event.data["entity_id"], **(values or {"state": None})}, default=str), flush=True)


async def main(folder: str, port: int) -> None:
    """Live until standard input ends."""
    Path(folder, "configuration.yaml").touch()
    hass = HomeAssistant(folder)
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    # The integration asks for a web server, which only its wizard uses.
    hass.config.components |= {"http", "file_upload", "homeassistant"}
    hass.bus.async_listen(EVENT_STATE_CHANGED, tell)
    hass.set_state(CoreState.running)
    await hass.config_entries.async_add(
        ConfigEntry(
            data={"broker": "127.0.0.1", "port": port},
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
    print(json.dumps({"entity": "", "state": "ready"}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await hass.async_stop(force=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
