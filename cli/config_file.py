"""Options of `ferlite run` from a file.

The signature of the command is the one definition: the names of its options are the keys, their types and limits are
checked, and what the file says becomes their default, so that the environment and the command line come first.
"""

from __future__ import annotations

import inspect
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer

from ..errors import DataError, UsageError
from ..models.files import read_bytes, replacing

if TYPE_CHECKING:
    from ..models.toml_models import Table

NAME = "ferlite.toml"

_HEAD = """\
# Options of `ferlite run --config {name}`, by their names. What the environment says, as FERLITE_RUN_WEB_PORT=8081,
# and the command line come before this file. Remove the # of a line to change its option. Names of files that don't
# begin with / are looked for from the folder that ferlite is started in.
"""


@dataclass(frozen=True)
class Option:
    """An option of a command.

    Attributes:
        key: Its name without the dashes before it.
        name: The parameter that it becomes.
        kind: Its type as TOML has it: no None, names of files as text, tuples as lists.
        count: How many values its list has; None for any number.
        about: Its help text, its limits and the like.
        default: What it is where it is not given.
    """

    key: str
    name: str
    kind: Any
    count: int | None
    about: Any
    default: Any


def options(function: Callable[..., object]) -> list[Option]:
    """Return the options of the function behind a command, in their order; without --config itself."""
    found = []
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        if get_origin(parameter.annotation) is not Annotated:
            continue
        kind, about = get_args(parameter.annotation)[:2]
        if isinstance(about, type(typer.Option())) and about is not get_args(Config)[1]:
            # In an annotation typer keeps the first name as the default.
            names = [each for each in (about.default, *(about.param_decls or ())) if isinstance(each, str)]
            given = next((each for each in names if each.startswith("--")), name)
            key = given.removeprefix("--").replace("_", "-")
            found.append(Option(key, name, *_plain(kind), about, parameter.default))
    return found


def table(function: Callable[..., object]) -> type[Table]:
    """Make the table of the options of the function behind a command."""
    # Imported here: only a run with a file needs it, and a Pi takes its time for it.
    from pydantic import ConfigDict, Field, create_model

    from ..models.toml_models import Table

    class Options(Table):
        model_config = ConfigDict(strict=True)

    keys: dict[str, Any] = {
        each.key: (
            each.kind,
            Field(None, ge=each.about.min, le=each.about.max, min_length=each.count, max_length=each.count),
        )
        for each in options(function)
    }
    return create_model("Option", __base__=Options, **keys)


def load(path: Path, function: Callable[..., object]) -> dict[str, Any]:
    """Read the options of the function behind a command from a file: values by the names of its parameters.

    Raises:
        MissingFileError: The file can't be read.
        DataError: It is no TOML, or a value does not fit.
        UnknownNameError: There is no such option; the nearest is named.
    """
    given = table(function).read_file(path).model_dump(exclude_unset=True)
    return {each.name: given[each.key] for each in options(function) if each.key in given}


def change(path: Path, key: str, value: Any, function: Callable[..., object]) -> None:
    """Give an option in a file another value; all else stays as it is, who may read it too.

    Raises:
        UsageError: That can't be done, as where the value reaches over several lines.
        OutputError: The file can't be written.
    """
    name = next(each.name for each in options(function) if each.key == key)
    new = f"{key} = {toml(value)}"
    changed, count = re.subn(rf"(?m)^\s*{re.escape(key)}\s*=.*$", lambda _: new, read_bytes(path).decode(), count=1)
    # A link stays one, and a file whose source holds a password stays closed to others.
    with replacing(path.resolve()) as temporary:
        temporary.touch(0o600)
        temporary.write_text(changed if count else f"{new}\n{changed}")
        shutil.copymode(path, temporary)
        try:
            fits = load(temporary, function) == load(path, function) | {name: value}
        except DataError:
            fits = False
        if not fits:
            raise UsageError(f"{path}: {key} can't be changed there; write {new} into it yourself")


def _become_defaults(context: typer.Context, path: Path | None) -> Path | None:
    function = context.command.callback
    if path is not None and function is not None:
        context.default_map = load(path, inspect.unwrap(function))
    return path


Config = Annotated[
    Path | None,
    typer.Option(
        help=f"File with options; 'ferlite config init {NAME}' makes one.", callback=_become_defaults, is_eager=True
    ),
]


def template(function: Callable[..., object], name: str) -> Iterator[str]:
    """Yield the lines of a file with every option, commented out, as it is where it is not given."""
    yield from _HEAD.format(name=name).splitlines()
    panel = None
    for each in sorted(options(function), key=lambda each: each.about.rich_help_panel or ""):
        if each.about.rich_help_panel != panel:
            panel = each.about.rich_help_panel
            yield from ("", f"# --- {panel} ---")
        yield from ("", f"# {each.about.help}", f"#{each.key} = {toml(_example(each))}")


def toml(value: Any) -> str:
    """Return a plain value as TOML."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)


def _plain(kind: Any) -> tuple[Any, int | None]:
    if NoneType in get_args(kind):
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is tuple:
        return list[get_args(kind)[0]], len(get_args(kind))
    return str if kind is Path else kind, None


def _example(option: Option) -> Any:
    if option.default is not None and option.default != "":
        return option.default
    several, kind = get_origin(option.kind) is list, (get_args(option.kind) or (option.kind,))[0]
    value = 1 if kind in (int, float) else option.about.metavar or "..."
    return [value] * (option.count or 1) if several else value
