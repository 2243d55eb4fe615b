"""A page that shows what was measured: one self-contained HTML file."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jinja2

from ..models.errors import DataError, MissingFileError
from ..models.files import read_bytes, write_bytes

_PICTURES = {"curves.png": "Training", "confusion.png": "Confusion in training"}


def write(folder: str | Path, title: str, out: str | Path | None = None) -> Path:
    """Write `report.html` from the results in a folder.

    Args:
        folder: Holds accuracy.json and latency.json, as `ferlite bench` prints them, and pictures of
            the training (curves.png, confusion.png); what is missing is left out of the page.
        title: Heading of the page.
        out: File to write; report.html in the folder if not given.

    Raises:
        MissingFileError: The folder holds no results.
        DataError: A result is no JSON.
        OutputError: The page can't be written.
    """
    folder = Path(folder)
    accuracy, latency = (_read(folder / name) for name in ("accuracy.json", "latency.json"))
    if accuracy is None and latency is None:
        raise MissingFileError(
            f"{folder} holds neither accuracy.json nor latency.json; make them with "
            "'ferlite bench accuracy … --json > accuracy.json'"
        )
    pictures = [
        {"title": heading, "data": base64.b64encode(read_bytes(folder / name)).decode()}
        for name, heading in _PICTURES.items()
        if (folder / name).exists()
    ]
    # Names and labels come from files that others may have made: they are escaped.
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(Path(__file__).with_name("report.html.j2").read_text()).render(
        title=title,
        summary=summarise(accuracy, latency),
        accuracy=accuracy,
        latency=latency,
        pictures=pictures,
        where=accuracy or latency,
    )
    return write_bytes(out or folder / "report.html", page.encode())


def summarise(accuracy: dict[str, Any] | None, latency: dict[str, Any] | None) -> str:
    """Say in a sentence or two what the second model costs and buys against the first.

    Args:
        accuracy: A result of `accuracy.measure`, or None.
        latency: A result of `latency.measure`, or None.
    """
    parts = []
    if latency and latency["pairs"]:
        first, second = latency["models"][:2]
        speed, size = first["p50"] / second["p50"], first["bytes"] / second["bytes"]
        parts.append(
            f"{second['scheme']} is {speed:.1f} times as fast as {first['scheme']} on this machine and "
            f"{size:.1f} times as small."
        )
    if accuracy and accuracy["pairs"]:
        first, second = accuracy["models"][:2]
        pair = accuracy["pairs"][0]
        low, high = (100 * end for end in pair["difference_interval"])
        parts.append(
            f"Accuracy goes from {first['accuracy']:.1%} to {second['accuracy']:.1%}, a difference of "
            f"{100 * pair['difference']:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}); the two give the "
            f"same answer on {pair['agreement']:.1%} of {second['count']} faces."
        )
    return " ".join(parts) or "One model was measured; give two or more to have them compared."


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}); measure again") from error
