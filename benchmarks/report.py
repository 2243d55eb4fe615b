"""A page that shows what was measured: one self-contained HTML file."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..errors import DataError, MissingFileError
from ..models.files import read_bytes, write_bytes
from . import charts
from .summary import place, summarise

__all__ = ["summarise", "write"]

_PICTURES = {"curves.png": "Training", "confusion.png": "Confusion in training"}


def write(folder: str | Path, title: str, out: str | Path | None = None) -> Path:
    """Write `report.html` from the results in a folder.

    Args:
        folder: Holds accuracy.json, latency.json and pipeline.json, as `ferlite bench` prints them,
            inspect.json (`layers`: a list of `layer` and `sqnr_db`) of a conversion, and pictures of
            the training (curves.png, confusion.png); what is missing is left out of the page.
        title: Heading of the page.
        out: File to write; report.html in the folder if not given.

    Raises:
        MissingFileError: The folder holds no results.
        DataError: A result is no JSON, or of another version of ferlite.
        OutputError: The page can't be written.
    """
    folder = Path(folder)
    accuracy, latency, pipeline, inspect = (
        _read(folder / f"{name}.json") for name in ("accuracy", "latency", "pipeline", "inspect")
    )
    if accuracy is None and latency is None and pipeline is None:
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
    try:
        page = environment.from_string(Path(__file__).with_name("report.html.j2").read_text()).render(
            title=title,
            summary=summarise(accuracy, latency),
            place=latency and place(latency),
            disturbed=_disturbed(latency=latency, pipeline=pipeline),
            accuracy=accuracy,
            latency=latency,
            pipeline=pipeline,
            drawings={name: Markup(svg) for name, svg in _drawings(accuracy, latency, inspect).items()},  # noqa: S704
            fewest=charts.FEWEST,
            differences=_differences(accuracy),
            pictures=pictures,
            where=latency or accuracy or pipeline,
        )
    except (KeyError, TypeError, ValueError, IndexError, jinja2.UndefinedError) as error:
        raise DataError(f"the results in {folder} lack something ({error}); measure again with this ferlite") from error
    return write_bytes(out or folder / "report.html", page.encode())


def _disturbed(**results: dict[str, Any] | None) -> list[str]:
    """Say of each result what makes it unfit to be quoted."""
    return [f"{name}: {', '.join(r['disturbed'])}" for name, r in results.items() if r and r["disturbed"]]


def _drawings(
    accuracy: dict[str, Any] | None, latency: dict[str, Any] | None, inspect: dict[str, Any] | None
) -> dict[str, str]:
    """Draw what can be drawn, by name."""
    drawn = {}
    if accuracy:
        drawn["reliability"] = charts.reliability(accuracy["models"])
        drawn["accuracy_legend"] = charts.legend([_title(model) for model in accuracy["models"]])
    if latency:
        # One number of threads, or the colours would stand for two things.
        single = [row for row in latency["models"] if row["threads"] == latency["threads"][0]]
        drawn["distributions"] = charts.distributions(single)
        drawn["latency_legend"] = charts.legend([_title(row) for row in single])
        if accuracy:
            points = _points(accuracy, single)
            if len(points) > 1:
                drawn["pareto"] = charts.pareto(points)
                drawn["pareto_legend"] = charts.legend([point["title"] for point in points])
    if inspect and isinstance(inspect.get("layers"), list):
        rows = [row for row in inspect["layers"] if isinstance(row, dict) and "layer" in row]
        if rows:
            drawn["layers"] = charts.layers(rows)
    return drawn


def _points(accuracy: dict[str, Any], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join what was scored with what was timed, by the file's hash."""
    timed = {row["sha256"]: row for row in rows}
    return [
        {
            "p50": timed[model["sha256"]]["p50"],
            "accuracy": model["accuracy"],
            "interval": model["interval"],
            "bytes": model["bytes"],
            "title": f"{_title(model)}, {model['bytes'] / 1000:.0f} KB",
        }
        for model in accuracy["models"]
        if model["sha256"] in timed
    ]


def _differences(accuracy: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Subtract the first model's confusion matrix from each other's that knows the same labels."""
    if not accuracy:
        return []
    first, *others = accuracy["models"]
    labels = list(first["recall"])
    differences = []
    for other in others:
        theirs = list(other["recall"])
        if sorted(theirs) != sorted(labels):
            continue
        order = [theirs.index(label) for label in labels]
        rows = [[other["confusion"][i][j] for j in order] for i in order]
        differences.append(
            {
                "title": f"{_title(other)} minus {_title(first)}",
                "rows": [
                    [b - a for a, b in zip(*pair, strict=True)] for pair in zip(first["confusion"], rows, strict=True)
                ],
            }
        )
    return differences


def _title(model: dict[str, Any]) -> str:
    return f"{model['name']}, {model['scheme']}"


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        result = json.loads(read_bytes(path))
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}); measure again") from error
    if not isinstance(result, dict):
        raise DataError(f"{path} is no result of ferlite; measure again")
    return result
