"""The shipped models: the `.tflite` files beside this module, by name."""

from __future__ import annotations

from pathlib import Path

from ..errors import unknown

FOLDER = Path(__file__).parent
"""Where the shipped model files lie."""


def names() -> list[str]:
    """Return the names of the shipped models, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.tflite"))


def path(name: str | Path) -> Path:
    """Return where a model file lies.

    Args:
        name: Name of a shipped model ("yunet"), or the path of a .tflite file, which is returned as
            it is: reading it tells whether it exists.

    Raises:
        UnknownNameError: There is no shipped model of this name.
    """
    if Path(name).suffix == ".tflite":
        return Path(name)
    if str(name) not in names():
        raise unknown("model", str(name), names())
    return FOLDER / f"{name}.tflite"
