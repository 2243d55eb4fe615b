"""The errors ferlite raises: one base, each also the builtin that fits.

A message says what was wrong, where, and what to do about it.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Integral, Real
from types import UnionType

_NAME_BYTES = 100  # of the 255 of a file's name, the rest being for suffixes


class FerliteError(Exception):
    """Base of every error that ferlite raises on purpose."""


class ModelFormatError(FerliteError, ValueError):
    """A model file is damaged, changed, or contradicts its own record."""


class RuntimeMissingError(FerliteError, ImportError):
    """A TFLite runtime, an optional part of ferlite, or a Python to try a model file in is missing."""


class UnknownNameError(FerliteError, KeyError):
    """A label, recipe, model or option has no such name."""

    def __str__(self) -> str:
        # KeyError would show the message in quotes.
        return str(self.args[0]) if self.args else ""


class DataError(FerliteError, ValueError):
    """A data set, a picture or a table can't be read as what it claims to be."""


class MissingFileError(FerliteError, FileNotFoundError):
    """A file or folder that was named does not exist."""


class WeightsError(DataError):
    """Weights to start from can't be had here."""


class SourceError(FerliteError, OSError):
    """A camera, stream or clip can't be opened, or broke off."""


class OutputError(FerliteError, OSError):
    """A result can't be written."""


class ServiceError(FerliteError, OSError):
    """systemd is missing, or refused what it was asked for."""


class UsageError(FerliteError, ValueError):
    """Options that don't fit together or lie outside their range."""


def check_range(
    name: str, value: float, low: float, high: float = math.inf, unit: str = "", *, whole: bool = False
) -> None:
    """Check that an option lies in its range.

    Args:
        name: What the option is called, for instance "Smoothing.threshold".
        value: Its value.
        low: Least value allowed.
        high: Greatest value allowed; none if infinite.
        unit: Appended to the range in the message, for instance "seconds".
        whole: Only a whole number is allowed.

    Raises:
        UsageError: The value lies outside the range, is NaN, or is no (whole) number.
    """
    if isinstance(value, Integral if whole else Real) and low <= value <= high:
        return
    limits = f"{low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"
    raise UsageError(f"{name} is {value!r}; it must be {'a whole number, ' * whole}{limits}{unit and ' ' + unit}")


def check_type(name: str, value: object, kinds: type | UnionType, expected: str) -> None:
    """Check that an option is of a type that it may have.

    Args:
        name: What the option is called, for instance "rules".
        value: Its value.
        kinds: The types that it may have.
        expected: These in words.

    Raises:
        UsageError: It has another type.
    """
    if not isinstance(value, kinds):
        raise UsageError(f"{name} is {repr(value)[:100]}; it must be {expected}")


def check_name(kind: str, name: str) -> str:
    """Check a name that was read from a file and is to name another file; return it.

    Args:
        kind: What is called so, for instance "recipe".
        name: Its name.

    Raises:
        DataError: It is empty, longer than 100 bytes, begins with a dot, or holds a separator or a character that
            can't be printed.
    """
    if (
        name.strip()
        and name.isprintable()
        and len(name.encode()) <= _NAME_BYTES
        and not name.startswith(".")
        and not {*name} & {"/", "\\"}
    ):
        return name
    shown = name if len(name) <= _NAME_BYTES else name[:20] + "..."
    raise DataError(
        f"a {kind} can't be called {shown!r}: its name becomes that of a file, so it must be printable text of at most "
        f"{_NAME_BYTES} bytes, without / and \\ and without a dot at its start"
    )


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Make the error for a name that does not exist, with the nearest one that does.

    Args:
        kind: What was looked up, for instance "recipe".
        name: The name that was not found.
        known: The names that exist.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(names)
    return UnknownNameError(f"there is no {kind} {name!r}; {hint}")
