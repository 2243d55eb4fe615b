"""The live page of `ferlite run`: its options, where it is printed, and the desktop's browser."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import typer

from ..device.pipeline import Pipeline
from ..device.web.live_page import LivePage
from ..device.web.login import read_token
from ..errors import UsageError
from .console import console

PANEL = "Live page"

Web = Annotated[bool, typer.Option("--web", help="Serve a live page for browsers and programs.", rich_help_panel=PANEL)]
Show = Annotated[
    bool,
    typer.Option(
        "--show", help="Show the live page in this desktop's browser; --web is included.", rich_help_panel=PANEL
    ),
]
Host = Annotated[
    str,
    typer.Option(help="Address to listen on; 0.0.0.0 for the network, where a token is needed.", rich_help_panel=PANEL),
]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535, rich_help_panel=PANEL)]
Names = Annotated[
    list[str] | None,
    typer.Option(
        help="Host name of the page beside this machine's own, as behind a reverse proxy; may be repeated.",
        rich_help_panel=PANEL,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the token that viewers need; the systemd credential web-token, or one that is made, if not "
        "given.",
        rich_help_panel=PANEL,
    ),
]
Certificate = Annotated[Path | None, typer.Option(help="PEM file of a certificate, for https.", rich_help_panel=PANEL)]
Key = Annotated[Path | None, typer.Option(help="PEM file of its key, if not in the same file.", rich_help_panel=PANEL)]
Picture = Annotated[str, typer.Option(help="What shows of the picture: full, blur or none.", rich_help_panel=PANEL)]
Theme = Annotated[
    Path | None, typer.Option(help="Style sheet of your own for page and kiosk view.", rich_help_panel=PANEL)
]
Viewers = Annotated[int, typer.Option(min=1, help="How many may look at once.", rich_help_panel=PANEL)]

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def wanted(*, web: bool, show: bool) -> bool:
    """Tell whether there is to be a page, before anything is opened.

    Raises:
        UsageError: There is no desktop to show it on.
    """
    if show and not any(os.environ.get(name) for name in _DISPLAYS):
        raise UsageError(
            "--show: there is no display here (DISPLAY and WAYLAND_DISPLAY are not set), and opencv-python-headless "
            "has no window; give --web instead, and open the page elsewhere"
        )
    return web or show


def open_page(
    pipeline: Pipeline, host: str, port: int, *, token_file: Path | None, show: bool, **options: Any
) -> LivePage:
    """Open a live page, and print where it is.

    The token is printed for somebody at a terminal alone: what goes elsewhere, as to a journal, is read by others.

    Args:
        pipeline: Whose results are shown.
        host: See `LivePage`.
        port: See `LivePage`.
        token_file: File with the token, if not the one that is made.
        show: Open the kiosk view in the desktop's browser. It asks for the token where one is needed: a command
            line is for everybody to read.
        options: See `LivePage`.
    """
    page = LivePage(pipeline, host, port, token=read_token(token_file) if token_file else None, **options)
    text = page.link if console.is_terminal else page.address
    if text == page.address and page.link != page.address:
        text += f" (the token is in {token_file or page.token_path})"
    console.print(f"live page: {text}", soft_wrap=True, highlight=False)
    if show:
        # A browser may take its time to start.
        Thread(target=_show, args=(f"{page.address}kiosk",), daemon=True).start()
    return page


def _show(address: str) -> None:
    if not webbrowser.open(address):
        console.print(f"no browser can be started; open {address} in one", soft_wrap=True, highlight=False)
