"""The live page of a run: opened, and announced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..device.pipeline import Pipeline
from ..device.web.live_page import LivePage
from ..device.web.login import read_token
from .console import console


def open_page(pipeline: Pipeline, host: str, port: int, *, token_file: Path | None, **options: Any) -> LivePage:
    """Open a live page and print where it is.

    The token is printed for somebody at a terminal alone: what goes elsewhere, as to a journal, is read by others.

    Args:
        pipeline: Whose results are shown.
        host: See `LivePage`.
        port: See `LivePage`.
        token_file: File with the token, if not the one that is made.
        options: See `LivePage`.
    """
    page = LivePage(pipeline, host, port, token=read_token(token_file) if token_file else None, **options)
    if console.is_terminal:
        text = page.link
    elif page.token_path:
        text = f"{page.address} (append # and the token, which lies in {page.token_path})"
    else:
        text = page.address
    console.print(f"live page: {text}", soft_wrap=True, highlight=False)
    return page
