"""`ferlite service`: ferlite as a service of systemd."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..device.service.manager import UNIT, Manager, config_home
from ..device.service.unit import check_readable, render
from ..device.service.update import install_beside, switch, try_out
from ..errors import MissingFileError, UsageError
from . import config_file
from .console import echo
from .console import status as status_line
from .run import run

app = typer.Typer(help="Run as a service of systemd: install, update, status, logs, remove.", no_args_is_help=True)

User = Annotated[bool, typer.Option("--user", help="The service of this user, not that of the machine.")]


@app.command()
def install(
    config: Annotated[
        Path | None,
        typer.Option(
            help="Configuration of the run.", show_default="/etc/ferlite/ferlite.toml or ~/.config/ferlite/ferlite.toml"
        ),
    ] = None,
    user: User = False,
    network: Annotated[
        bool, typer.Option("--network", help="Start after the network is up, for a stream or a broker elsewhere.")
    ] = False,
    credential: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="File with a secret, as mqtt-password=/etc/ferlite/password; root may own it. May be repeated.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the unit, and change nothing.")] = False,
) -> None:
    """Install and start a service that runs `ferlite run`, from now on and whenever the machine starts."""
    manager = Manager(user=user)
    config = (config or (config_home() if user else Path("/etc")) / "ferlite/ferlite.toml").absolute()
    program = Path(sys.executable).with_name("ferlite")
    command = [str(program), "run", "--wait", "--config", str(config)]
    text = render(command, user=user, network=network, credentials=_credentials(credential or []))
    if dry_run:
        echo(f"# {manager.file}", err=True)
        typer.echo(text, nl=False)
        return
    if not program.exists():
        raise MissingFileError(f"there is no {program}, which the service needs")
    if not config.exists():
        raise MissingFileError(
            f"there is no {config}, which the service needs; 'ferlite config init {config}' makes it"
        )
    config_file.load(config, run)  # a service that can't begin would be started again for ever
    if not user:
        for file in (program, config):
            check_readable(file)
    manager.install(text)
    echo(f"{manager.file} is installed and started; `ferlite service status{' --user' * user}` shows how it is doing")
    if user:
        echo("it ends with your last session, unless you run: loginctl enable-linger")


@app.command()
def status(user: User = False) -> None:
    """Show how the service is doing; exit code 0 if it runs."""
    raise typer.Exit(Manager(user=user).status())


@app.command()
def logs(
    user: User = False,
    lines: Annotated[int, typer.Option(min=1, help="How many, the newest.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new ones, until Ctrl-C.")] = False,
) -> None:
    """Print what the service said."""
    raise typer.Exit(Manager(user=user).logs(lines, follow=follow))


@app.command()
def remove(user: User = False) -> None:
    """Stop the service and remove it; configuration and results are kept."""
    Manager(user=user).remove()
    echo(f"{UNIT} is removed; what it wrote is kept{'' if user else ' in /var/lib/ferlite'}")


@app.command()
def update(
    wheel: Annotated[Path, typer.Argument(help="Wheel of the new version.")],
    user: User = False,
) -> None:
    """Install a new version beside the old one, try it, and let the service run it.

    The old version runs again if the new one looks at no frame within a minute, and stays installed in any case.
    """
    manager = Manager(user=user)
    with status_line("") as show:
        program = install_beside(wheel, manager.program(), show)
        try_out(program, show)
        show("waiting for its first frame")
        switch(manager, program)
    echo(f"{UNIT} runs {program}; the version before is kept beside it")


def _credentials(texts: list[str]) -> dict[str, Path]:
    credentials = {}
    for text in texts:
        name, _, file = text.partition("=")
        if not name or not Path(file).is_absolute():
            raise UsageError(
                f"--credential is {text!r}; expected a name and an absolute path, "
                "for instance mqtt-password=/etc/ferlite/password"
            )
        credentials[name] = Path(file)
    return credentials
