"""TOML files as pydantic models: reading them, and messages about their errors."""

from __future__ import annotations

import reprlib
import tomllib
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from ..errors import DataError, UnknownNameError, check_name, unknown
from .files import read_bytes

Name = Annotated[str, AfterValidator(partial(check_name, "recipe or study"))]
"""A name that becomes that of a file."""


class Table(BaseModel):
    """A table of a TOML file. It can't be changed, and refuses keys that it doesn't have, and numbers without end."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _has_known_keys(cls, values: Any) -> Any:
        for key in values if isinstance(values, dict) else ():
            if key not in cls.model_fields:
                raise unknown(f"{cls.__name__.lower()} key", key, cls.model_fields)
        return values

    @classmethod
    def parse(cls, values: dict[str, Any], where: str | Path) -> Self:
        """Make a table of values by key; an error, see `read`, says first `where` they are from."""
        try:
            return cls.model_validate(values)
        except UnknownNameError as error:
            raise UnknownNameError(f"{where}: {error}") from None
        except ValidationError as error:
            first = error.errors()[0]
            place = f"{where}: {'.'.join(map(str, first['loc']))}".removesuffix(": ")
            if first["type"] in ("value_error", "missing"):  # a rule of our own says itself what does not fit
                raise DataError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from error
            raise DataError(f"{place}: {first['msg']} (given: {reprlib.repr(first['input'])})") from error

    @classmethod
    def read(cls, name: str | Path, folder: Path) -> Self:
        """Read a shipped file by name, or any TOML file by path.

        Args:
            name: Of a file in `folder`, or a path that ends with .toml.
            folder: Of the shipped files.

        Raises:
            UnknownNameError: There is no such file, or a key or label does not exist; the nearest is named.
            DataError: The file is not TOML, or a value does not fit.
            MissingFileError: A path was given and nothing is there.
        """
        path = Path(name)
        if path.suffix != ".toml":
            if str(name) not in names(folder):
                raise unknown(cls.__name__.lower(), str(name), names(folder))
            path = folder / f"{name}.toml"
        return cls.read_file(path)

    @classmethod
    def read_file(cls, path: Path) -> Self:
        """Read a TOML file; for the errors see `read`."""
        try:
            values = tomllib.loads(read_bytes(path).decode())
        except RecursionError as error:
            raise DataError(f"{path} is nested too deeply") from error
        except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError, a number of thousands of digits
            raise DataError(f"{path} is not a TOML file: {error}") from error
        return cls.parse(values, path)


def names(folder: Path) -> list[str]:
    """Return the names of the TOML files in a folder."""
    return sorted(path.stem for path in folder.glob("*.toml"))
