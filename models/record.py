"""The record: everything a device must know about a model, carried inside the model file.

Labels, input handling and crop geometry are what FER projects most often get wrong between training
and device, so they are not written down anywhere else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

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
"""What the graph of each scheme takes its pixels as."""


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
    """What a model file says of itself. The fields down to `temperature` are acted on, the others are told.

    Attributes:
        name: Name of the model.
        task: What it does.
        scheme: `int8` (int8 in, weights, activations and out), `int8-dynamic` (int8 weights),
            `int16x8` (int8 weights, int16 activations), `float16` (weights) or `float32`.
        size: Height and width of the input in pixels.
        channels: `grey` or `rgb`.
        labels: What the outputs mean, in order; empty for a detector.
        crop: How a face is cut; None where whole pictures go in.
        pixels: What the graph's input takes black and white for; ferlite's own models (0, 255).
        output: `logits`, or `probabilities` where the graph ends in a softmax.
        temperature: Divides the logits before the softmax (Guo et al. 2017); 1 for none.
        network: Name of the network.
        parameters: Trained and fixed values in the network.
        macs: Multiply-accumulates of one inference.
        recipe: Name of the training recipe.
        data: Training data: name, sha256, faces by split; sha256 of extra data, votes and teachers, if any.
        calibration: Calibration set: faces, seed, sha256; and the method.
        kept_float: Layers of a quantized graph that were left in float32.
        accuracy: `validation`: count, and for each scheme what `data.metrics.Scores` holds, with the
            calibration error before and after the temperature.
        versions: Library versions of training and conversion.
        origin: Where weights come from that were not trained here.
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
        """Check what the device acts on.

        Raises:
            ModelFormatError: A field has no sensible value; the message names it.
        """
        _check("name", bool(self.name))
        _check("task", self.task in ("expression", "face-detection", "face-landmarks"))
        _check("scheme", self.scheme in INPUT_DTYPES)
        _check("size", len(self.size) == 2 and all(isinstance(n, int) and 0 < n <= 4096 for n in self.size))
        _check("channels", self.channels in ("grey", "rgb"))
        _check("labels", all(isinstance(n, str) and n for n in self.labels))
        _check("labels", len(set(self.labels)) == len(self.labels))
        _check("labels", len(self.labels) > 1 or self.task != "expression")
        _check("crop", self.crop is None or [len(point) for point in self.crop.landmarks] == [2] * 5)
        _check("pixels", len(self.pixels) == 2 and self.pixels[0] != self.pixels[1])
        _check("output", self.output in ("logits", "probabilities"))
        _check("temperature", 0 < self.temperature < 100)

    def to_json(self) -> str:
        """Return the record as JSON text."""
        return json.dumps({"schema": SCHEMA} | asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read a record from JSON text.

        Raises:
            ModelFormatError: The text is no JSON, of a newer schema, or a field is missing or wrong.
        """
        try:
            values = json.loads(text)
            schema = values.pop("schema")
            if schema != SCHEMA:
                raise ModelFormatError(
                    f"the record has schema {schema}, this ferlite reads {SCHEMA}; install a newer ferlite"
                )
            values["size"] = tuple(values["size"])
            values["labels"] = tuple(values["labels"])
            values["pixels"] = tuple(values["pixels"])
            values["kept_float"] = tuple(values.get("kept_float", ()))
            crop = values["crop"]
            if crop is not None:
                points = tuple((float(x), float(y)) for x, y in crop["landmarks"])
                values["crop"] = Crop(points, str(crop["source"]))
            return cls(**values)
        except ModelFormatError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelFormatError(f"the record can't be read: {error!r}") from error

    def with_(self, **changes: Any) -> Record:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


def _check(name: str, good: bool) -> None:
    if not good:
        raise ModelFormatError(f"the record's field {name!r} is missing or wrong")
