"""The record: everything a device must know about a model, carried inside the model file.

Labels, input handling and crop geometry are what FER projects most often get wrong between training
and device, so they are not written down anywhere else. A record comes with a file that anybody may have
written: it is checked field by field.
"""

from __future__ import annotations

import json
import math
import reprlib
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from ..errors import ModelFormatError

SCHEMA = 1

Task = Literal["expression", "face-detection", "face-landmarks"]
Scheme = Literal["int8", "int8-dynamic", "int16x8", "float16", "float32"]

INPUT_DTYPES: dict[Scheme, str] = {
    "int8": "int8",
    "int8-dynamic": "float32",
    "int16x8": "int16",
    "float16": "float32",
    "float32": "float32",
}
"""The input dtype of a graph, by scheme."""


@dataclass(frozen=True)
class Crop:
    """How a face is cut from a frame, as the training faces were.

    Attributes:
        landmarks: Where the five landmarks (eyes, nose, mouth corners; each pair from the picture's
            left to its right) lie in the crop, x and y as fractions of its side: their means over the
            training data.
        source: What was measured, and on how many faces.
    """

    landmarks: tuple[tuple[float, float], ...]
    source: str = ""


@dataclass(frozen=True)
class Record:
    """What a model file says of itself. The device acts on the fields down to `temperature`; the others inform.

    Attributes:
        name: Name of the model.
        task: What it does.
        scheme: `int8` (int8 in, weights, activations and out), `int8-dynamic` (int8 weights),
            `int16x8` (int8 weights, int16 activations), `float16` (weights) or `float32`.
        size: Height and width of the input in pixels.
        channels: `grey` or `rgb`.
        labels: What the outputs mean, in order; empty for a detector.
        crop: How a face is cut; None for a model that takes whole pictures.
        pixels: The graph's input values for black and white; (0, 255) for ferlite's own models.
        output: `logits`, or `probabilities` where the graph ends in a softmax.
        temperature: Divides the logits before the softmax (Guo et al. 2017); 1 for none.
        network: Name of the network.
        parameters: Trained and fixed values in the network.
        macs: Multiply-accumulates of one inference.
        recipe: Name of the training recipe.
        data: Training data: name, sha256, faces by split; sha256 of extra data, votes and teachers, if any.
        calibration: Calibration set: faces, seed, sha256; and the method.
        kept_float: Layers of a quantized graph that stay in float32.
        accuracy: `validation`: count, and for each scheme what `data.metrics.Scores` holds, with the
            calibration error before and after the temperature.
        versions: Library versions of training and conversion.
        origin: Source of weights that were not trained with ferlite.
        licence: Licence of the weights.
        intended_use: What the model is for.
        limits: What it is not for.
    """

    name: str
    task: Task
    scheme: Scheme
    size: tuple[int, int]
    channels: Literal["grey", "rgb"]
    labels: tuple[str, ...] = ()
    crop: Crop | None = None
    pixels: tuple[float, float] = (0.0, 255.0)
    output: Literal["logits", "probabilities"] = "logits"
    temperature: float = 1.0
    network: str = ""
    parameters: int = 0
    macs: int = 0
    recipe: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    kept_float: tuple[str, ...] = ()
    accuracy: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    origin: str = ""
    licence: str = ""
    intended_use: str = ""
    limits: str = ""

    def __post_init__(self) -> None:
        """Check every field's type, and the values that the device acts on.

        Raises:
            ModelFormatError: A field has a wrong type or no sensible value; the message names it.
        """
        for name, shape in _SHAPES.items():
            _check(name, _fits(getattr(self, name), shape))
        _check("name", self.name.isprintable() and bool(self.name))
        _check("task", self.task in get_args(Task))
        _check("scheme", self.scheme in INPUT_DTYPES)
        _check("size", len(self.size) == 2 and all(0 < side <= 4096 for side in self.size))
        _check("channels", self.channels in ("grey", "rgb"))
        _check("labels", all(label.isprintable() and label for label in self.labels))
        _check("labels", len(set(self.labels)) == len(self.labels))
        _check("labels", len(self.labels) > 1 or self.task != "expression")
        _check("crop", self.crop is None or _is_crop(self.crop))
        _check("pixels", len(self.pixels) == 2 and self.pixels[0] != self.pixels[1])
        _check("pixels", all(abs(value) < 1e6 for value in self.pixels))
        _check("output", self.output in ("logits", "probabilities"))
        _check("temperature", 0.01 < self.temperature < 100)
        if self.task == "expression":
            _check("calibration", not self.calibration or {"faces", "method", "sha256"} <= self.calibration.keys())
        for scheme, scores in self.accuracy.get("validation", {}).items():
            _check("accuracy", scheme == "count" or _are_scores(scores, len(self.labels)))

    def to_json(self) -> str:
        """Return the record as JSON text."""
        return json.dumps({"schema": SCHEMA} | asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Record:
        """Read a record from JSON text.

        Raises:
            ModelFormatError: The text is no JSON, of a newer ferlite, or a field is missing or wrong.
        """
        try:
            values = json.loads(text)
        except RecursionError as error:
            raise ModelFormatError("the record is nested too deeply") from error
        except ValueError as error:  # also of bytes that are not UTF-8
            raise ModelFormatError(f"the record is no JSON: {error}") from error
        _check("schema", isinstance(values, dict) and type(values.get("schema")) is int)
        schema = values.pop("schema")
        _check("schema", 0 < schema < _LARGEST)
        if schema != SCHEMA:
            raise ModelFormatError(
                f"the record has schema {schema}, this ferlite reads {SCHEMA}; install a newer ferlite"
            )
        known = {known.name for known in fields(cls)}
        for name in values:
            if name not in known:
                raise ModelFormatError(
                    f"the record has a field {reprlib.repr(name)} that this ferlite does not know; install a newer one"
                )
        for name in _REQUIRED:
            _check(name, name in values)
        for name in ("size", "labels", "pixels", "kept_float"):
            if isinstance(values.get(name), list):
                values[name] = tuple(values[name])
        if values["crop"] is not None:
            _check("crop", _fits(values["crop"], {"landmarks": [[float]], "source": str}))
            _check("crop", values["crop"].keys() == {"landmarks", "source"})
            points = tuple((*point,) for point in values["crop"]["landmarks"])
            values["crop"] = Crop(points, values["crop"]["source"])
        return cls(**values)

    def with_(self, **changes: Any) -> Record:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


_REQUIRED = ("name", "task", "scheme", "size", "channels", "labels", "crop", "pixels", "output", "temperature")
"""What a file must state: the fields that the device acts on."""

_SCORES = {
    "accuracy": float,
    "macro_f1": float,
    "interval": [float],
    "confusion": [[int]],
    "calibration_error": {"before": float, "after": float},
}

# The type of each field, for `_fits`.
_SHAPES: dict[str, Any] = {
    "name": str,
    "task": str,
    "scheme": str,
    "size": [int],
    "channels": str,
    "labels": [str],
    "pixels": [float],
    "output": str,
    "temperature": float,
    "network": str,
    "parameters": int,
    "macs": int,
    "recipe": str,
    "data": {"name": str, "sha256": str, "faces": {...: int}},
    "calibration": {"faces": int, "method": str, "sha256": str},
    "kept_float": [str],
    "accuracy": {"validation": {"count": int, ...: _SCORES}},
    "versions": {...: str},
    "origin": str,
    "licence": str,
    "intended_use": str,
    "limits": str,
}
_DEEPEST = 8  # nesting of values inside a field
_LARGEST = 2**63


def _fits(value: object, shape: Any, depth: int = _DEEPEST) -> bool:
    """Return whether a JSON value has a shape.

    A shape is one of: a type (float allows whole numbers); a list of one shape, that of each element; a
    dictionary of shapes by key, where a key may be missing and `...` stands for all other keys; None, for
    any JSON value. Numbers must be finite, and texts must be valid Unicode.
    """
    if isinstance(value, dict):
        inner = shape or {}
        return (
            depth > 0
            and (shape is None or isinstance(shape, dict))
            and all(_fits(key, str) for key in value)
            and all(_fits(part, inner.get(key, inner.get(...)), depth - 1) for key, part in value.items())
        )
    if isinstance(value, (list, tuple)):
        return (
            depth > 0
            and (shape is None or isinstance(shape, list))
            and all(_fits(part, shape and shape[0], depth - 1) for part in value)
        )
    if isinstance(value, str):
        return shape in (None, str) and not any("\ud800" <= character <= "\udfff" for character in value)
    if value is None or isinstance(value, bool):
        return shape is None
    if isinstance(value, int):
        return shape in (None, int, float) and abs(value) < _LARGEST
    return isinstance(value, float) and shape in (None, float) and math.isfinite(value)


def _is_crop(crop: object) -> bool:
    """Return whether a crop has five landmarks in or near the picture, and a source."""
    return (
        isinstance(crop, Crop)
        and _fits(crop.landmarks, [[float]])
        and _fits(crop.source, str)
        and [len(point) for point in crop.landmarks] == [2] * 5
        and all(-1 <= place <= 2 for point in crop.landmarks for place in point)
    )


def _are_scores(scores: dict[str, Any], classes: int) -> bool:
    """Return whether the scores of one scheme are complete and of so many classes."""
    confusion = scores.get("confusion")
    return (
        len(scores.get("interval", "..")) == 2
        and scores.get("calibration_error", _SCORES["calibration_error"]).keys() >= {"before", "after"}
        and (confusion is None or [len(row) for row in confusion] == [classes] * classes)
        and (confusion is None or all(count >= 0 for row in confusion for count in row))
    )


def _check(name: str, good: bool) -> None:
    if not good:
        raise ModelFormatError(f"the record's field {name!r} is missing or wrong")
