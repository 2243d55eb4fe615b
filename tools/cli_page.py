"""The page of all commands and options, made from the command line itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main


def page(app: typer.Typer) -> str:
    """Return the commands of an app with their help texts and options, as Markdown."""
    command = typer.main.get_command(app)
    intro = "Made by `python -m ferlite.tools cli-page`. `ferlite COMMAND --help` shows the same."
    return "\n\n".join(["# Command line", intro, *_sections(command, "ferlite")]) + "\n"


def _sections(command: Any, name: str) -> Iterator[str]:
    options = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    parts = [f"## {name}", inspect.cleandoc(command.help or "")]
    if options:
        rows = [f"| {_name(option)} | {_default(option)} | {_escaped(option.help or '')} |" for option in options]
        parts.append("\n".join(["| option | default | what it does |", "|---|---|---|", *rows]))
    yield "\n\n".join(parts)
    for sub in getattr(command, "commands", {}).values():
        yield from _sections(sub, f"{name} {sub.name}")


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        name = parameter.name.upper() + (" ..." if parameter.nargs == -1 else "")
        return f"`{name if parameter.required else f'[{name}]'}`"
    return ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default in (None, "", False) or callable(parameter.default):
        return ""
    if parameter.default is True:
        return f"`{parameter.opts[0]}`"
    value = parameter.default
    text = " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return f"`{text}`" if text else ""


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
