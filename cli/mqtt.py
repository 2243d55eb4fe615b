"""`ferlite mqtt`, and the options that it shares with `ferlite run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..device.outputs import mqtt
from .console import echo

PANEL = "MQTT"

PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--mqtt-password-file",
        help="File that holds the password alone; the systemd credential mqtt-password if not given.",
        rich_help_panel=PANEL,
    ),
]
Ca = Annotated[
    Path | None,
    typer.Option(
        "--mqtt-ca",
        help="CA that signed the broker's certificate, in PEM; the system's if not given.",
        rich_help_panel=PANEL,
    ),
]
Discovery = Annotated[
    str,
    typer.Option(
        "--mqtt-discovery",
        metavar="PREFIX",
        help="Where Home Assistant looks for devices; empty to be none of them.",
        rich_help_panel=PANEL,
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--mqtt-id",
        help="Id of this device in topics; the random one of this installation if not given.",
        rich_help_panel=PANEL,
    ),
]

app = typer.Typer(help="What ferlite leaves at an MQTT broker: remove.", no_args_is_help=True)


@app.command()
def remove(
    address: Annotated[str, typer.Argument(help="Broker: mqtt://[user@]host, mqtts:// for TLS.", show_default=False)],
    password_file: PasswordFile = None,
    ca: Ca = None,
    discovery: Discovery = "homeassistant",
    id: Id = None,
) -> None:
    """Clear what this device has left at a broker, so that Home Assistant forgets it; stop its runs before."""
    for topic in mqtt.remove(address, password_file=password_file, ca=ca, discovery=discovery, id=id):
        echo(f"cleared {topic}")
