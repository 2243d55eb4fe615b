"""A page that shows what was measured: one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import cv2
import jinja2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ..data import eigenfaces
from ..data.results import files
from ..data.results.accuracy import AccuracyResult, FaceSample
from ..data.results.conversion import InspectionResult
from ..data.results.device import PipelineResult
from ..data.results.environment import ModelFacts
from ..data.results.latency import LatencyResult, ModelTimes
from ..errors import DataError, MissingFileError
from ..models.files import read_bytes, sha256, write_bytes
from . import charts
from .accuracy import SAMPLES, unpacked
from .summary import distinguished, place, summarise

__all__ = ["summarise", "write"]

_PICTURES = {"curves.png": "Training", "confusion.png": "Confusion in training"}


class Answer(TypedDict):
    """What a model answered to a face, and whether that is how the face was drawn."""

    model: str
    label: str
    right: bool


class Face(TypedDict):
    """A face that is shown: its label, its picture (PNG in base64), and the answers."""

    label: str
    picture: str
    answers: list[Answer]


class FaceGroup(TypedDict):
    """Faces that the same models got right, of `count` such faces in all."""

    title: str
    count: int
    faces: list[Face]


class Difference(TypedDict):
    """A confusion matrix less another."""

    title: str
    rows: list[list[int]]


def write(folder: str | Path, title: str) -> Path:
    """Write `report.html` from the results in a folder.

    Args:
        folder: Holds accuracy.json, latency.json and pipeline.json, as `ferlite bench` prints them, MODEL-inspect.json
            of `ferlite convert --inspect`, pictures of the training (curves.png, confusion.png) and the video
            demo.mp4, which the page links to; what is missing is left out of the page.
        title: Heading of the page.

    Raises:
        MissingFileError: The folder holds no results.
        DataError: A result is no JSON, or of another version of ferlite.
        OutputError: The page can't be written.
    """
    folder = Path(folder)
    accuracy: AccuracyResult | None = _read(folder / files.ACCURACY, files.ACCURACY_SCHEMA)
    latency: LatencyResult | None = _read(folder / files.LATENCY, files.LATENCY_SCHEMA)
    pipeline: PipelineResult | None = _read(folder / files.PIPELINE, files.PIPELINE_SCHEMA)
    inspections: list[InspectionResult] = [
        files.read(path, files.INSPECTION_SCHEMA) for path in sorted(folder.glob(files.INSPECTION.format(model="*")))
    ]
    if not (accuracy or latency or pipeline or inspections):
        raise MissingFileError(
            f"{folder} holds no results; make them with 'ferlite bench accuracy … --json > {folder / files.ACCURACY}'"
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
            summary=summarise(accuracy, latency) if accuracy or latency else "",
            place=latency and place(latency),
            disturbed=_disturbed(latency=latency, pipeline=pipeline),
            accuracy=accuracy,
            latency=latency,
            pipeline=pipeline,
            drawings={name: Markup(svg) for name, svg in _drawings(accuracy, latency).items()},  # noqa: S704
            layers=[
                {"title": f"{one['model']}, {one['scheme']}", "svg": Markup(charts.layers(one["layers"]))}  # noqa: S704
                for one in inspections
            ],
            fewest=charts.FEWEST,
            differences=_differences(accuracy) if accuracy else [],
            faces=_faces(accuracy) if accuracy else [],
            samples=SAMPLES,
            pictures=pictures,
            video=files.VIDEO if (folder / files.VIDEO).exists() else "",
            where=latency or accuracy or pipeline,
        )
    except (KeyError, TypeError, ValueError, IndexError, jinja2.UndefinedError) as error:
        raise DataError(f"the results in {folder} lack something ({error}); measure again with this ferlite") from error
    return write_bytes(folder / "report.html", page.encode())


def _read(path: Path, schema: str) -> Any:
    return files.read(path, schema) if path.exists() else None


def _disturbed(**results: LatencyResult | PipelineResult | None) -> list[str]:
    """Say of each result what makes it unfit to be quoted."""
    return [f"{name}: {', '.join(r['disturbed'])}" for name, r in results.items() if r and r["disturbed"]]


def _drawings(accuracy: AccuracyResult | None, latency: LatencyResult | None) -> dict[str, str]:
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
    return drawn


def _faces(accuracy: AccuracyResult) -> list[FaceGroup]:
    """Draw the sampled faces again, and group them by which of the first two models were right.

    Only what is drawn here can be shown: a result holds no pixels.
    """
    samples = accuracy["samples"]
    if not samples:
        return []
    images = eigenfaces.draw_again([sample["row"] for sample in samples])
    models = accuracy["models"][:2]
    names = [distinguished(model, models) for model in models]
    right = np.stack([unpacked(model["right"], model["count"]) for model in models])
    groups = []
    for kind in sorted({_right(sample) for sample in samples}, reverse=True):
        shown = [
            _face(sample, np.asarray(image, np.uint8), names)
            for sample, image in zip(samples, images, strict=True)
            if _right(sample) == kind
        ]
        count = int((right == np.array(kind)[:, None]).all(axis=0).sum())
        groups.append(FaceGroup(title=_kind(kind, names), count=count, faces=shown))
    return groups


def _right(sample: FaceSample) -> tuple[bool, ...]:
    return tuple(answer == sample["label"] for answer in sample["answers"])


def _kind(right: tuple[bool, ...], names: Sequence[str]) -> str:
    if len(right) == 1:
        return "right" if right[0] else "wrong"
    if right[0] == right[1]:
        return "both right" if right[0] else "both wrong"
    return f"only {names[right.index(True)]} right"


def _face(sample: FaceSample, image: NDArray[np.uint8], names: Sequence[str]) -> Face:
    if sha256(image.tobytes()) != sample["sha256"]:
        raise ValueError("its faces were drawn by another version")
    return {
        "label": sample["label"],
        "picture": base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode(),
        "answers": [
            {"model": name, "label": label, "right": label == sample["label"]}
            for name, label in zip(names, sample["answers"], strict=True)
        ],
    }


def _points(accuracy: AccuracyResult, rows: list[ModelTimes]) -> list[charts.Point]:
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


def _differences(accuracy: AccuracyResult) -> list[Difference]:
    """Subtract the first model's confusion matrix from each other's that knows the same labels."""
    first, *others = accuracy["models"]
    labels = list(first["recall"])
    differences: list[Difference] = []
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


def _title(model: ModelFacts) -> str:
    return f"{model['name']}, {model['scheme']}"
