"""From a face crop to an expression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ModelFormatError, UsageError
from ..models import modelfile, registry
from ..models.labels import canonical
from ..models.preprocess import align, check_picture, to_grey, to_input, to_size
from ..models.record import Crop, Record, Scheme
from ..models.runtime import LoadedModel
from .types import Expression, Face

DEFAULT_MODEL = "ferlite-m-ferplus"
"""The shipped model for real faces: of its eight labels ten people voted on each training face, see docs/results.md."""

FER2013_MODEL = "ferlite-m"
"""The shipped model of FER2013's own seven labels: for what is drawn by, or measured on, these."""


class Classifier:
    """Classifies the expression of a face.

        classifier = Classifier.load("ferlite-m-ferplus")
        expression = classifier(face_image)          # a face crop from a detector of your own
        print(expression.label, expression.confidence)

    Attributes:
        record: The record in the model file: labels, input, crop, accuracy.
        model: The model in its runtime.
    """

    def __init__(self, model: LoadedModel, record: Record):
        self.model = model
        self.record = record
        detail = model.inputs[0]
        self._dtype, self._quantization = detail["dtype"], detail["quantization"]

    @classmethod
    def load(
        cls,
        model: str | Path = DEFAULT_MODEL,
        *,
        threads: int = 1,
        runtime: str = "",
        labels: Sequence[str] = (),
        pixels: tuple[float, float] | None = None,
    ) -> Classifier:
        """Load a classifier.

        Args:
            model: Name of a shipped model, or path of a .tflite file.
            threads: Threads for one inference.
            runtime: A name in `models.backends.RUNTIMES`; the first installed one if empty.
            labels: For a file without a record: its labels in the order of its outputs.
            pixels: For a file without a record: its input values for black and white, for instance (0, 1);
                (0, 255) if not given.

        Raises:
            UsageError: The file has a record, and `labels` or `pixels` differ from it; or `threads` is less than 1.
            UnknownNameError: There is no shipped model, or no label, of this name.
            MissingFileError: There is no such file.
            ModelFormatError: The file is damaged, is no expression classifier, or has no record and
                no labels were given.
        """
        file = modelfile.read(registry.path(model))
        names = tuple(map(canonical, labels))
        if file.record:
            _refuse_other(file.record, file.path, names, pixels)
        loaded = LoadedModel(file, threads=threads, runtime_name=runtime)
        record = file.record or _described(loaded, names, pixels or (0.0, 255.0))
        if record.task != "expression":
            raise ModelFormatError(f"{file.path} is for {record.task}, not an expression classifier")
        return cls(loaded, record)

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of its outputs."""
        return self.record.labels

    def __call__(self, face_image: NDArray[np.uint8]) -> Expression:
        """Classify the expression of a face crop.

        Args:
            face_image: uint8, any size: [h, w] grey, [h, w, 3] BGR or [h, w, 4] BGRA, cropped from
                brows to chin as in FER2013 (`read` crops so from a frame).

        Raises:
            DataError: Another shape or dtype.
        """
        return Expression(self.labels, self.probabilities(self.resize([face_image]))[0])

    def resize(self, face_images: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize face crops of any size and colour to the model's input size: uint8 [n, h, w] grey."""
        resized = np.empty((len(face_images), *self.record.size), np.uint8)
        for place, image in enumerate(face_images):
            resized[place] = to_size(to_grey(image), self.record.size)
        return resized

    def read(self, image: NDArray[np.uint8], face: Face) -> Expression:
        """Classify the expression of a face in a frame, cropped and aligned as the training faces were.

        Args:
            image: uint8 [h, w, 3] BGR, the frame at full resolution.
            face: A face that was found in it.

        Raises:
            DataError: `image` is no picture.
        """
        return self.classify(self.crop(image, face))

    def classify(self, crop: NDArray[np.uint8]) -> Expression:
        """Classify a crop that `crop` returned, uint8 [h, w] grey of the model's size.

        Raises:
            DataError: Another shape or dtype.
        """
        check_picture(crop)
        return Expression(self.labels, self.probabilities(crop[None])[0])

    def crop(self, image: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
        """Crop and align a face as the training faces were: uint8 grey of the model's size; see `read`."""
        return align(image, face.landmarks, self.record.crop or _WHOLE_FACE, self.record.size)

    def logits(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the model on grey faces that already have its size.

        Args:
            faces: uint8 [n, h, w].

        Returns:
            float32 [n, classes], what the graph gives, de-quantized.

        Raises:
            DataError: Another shape or dtype.
        """
        if len(faces):
            check_picture(faces)
            if faces.shape[1:] != self.record.size:
                height, width = self.record.size
                raise DataError(f"faces must be [n, {height}, {width}], not {faces.shape}; `resize` makes them so")
        result = np.empty((len(faces), len(self.labels)), np.float32)
        for i in range(len(faces)):
            batch = to_input(faces[i : i + 1], self._dtype, self._quantization, self.record.pixels)
            if self.record.channels == "rgb":
                batch = np.repeat(batch, 3, axis=-1)
            result[i] = self.model.run(batch)[0][0]
        return result

    def probabilities(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return calibrated probabilities, float32 [n, classes], of grey faces uint8 [n, h, w]."""
        values = self.logits(faces)
        if self.record.output == "probabilities":
            values = np.log(np.maximum(values, 1e-7))
        values = values / np.float32(self.record.temperature)
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)


_WHOLE_FACE = Crop(
    ((0.30, 0.38), (0.70, 0.38), (0.50, 0.60), (0.34, 0.80), (0.66, 0.80)),
    "a frontal face filling the crop; for models whose record states none",
)

_SCHEMES: dict[str, Scheme] = {"int8": "int8", "uint8": "int8", "int16": "int16x8"}


def _refuse_other(record: Record, path: Path, labels: tuple[str, ...], pixels: tuple[float, float] | None) -> None:
    """Raise UsageError where labels or pixels are given that differ from the record's."""
    for name, given, stated in (("labels", labels, record.labels), ("pixels", pixels, record.pixels)):
        if given and given != stated:
            raise UsageError(
                f"the record of {path} has the {name} {', '.join(map(str, stated))}, not "
                f"{', '.join(map(str, given))}; leave out {name}= (--{name})"
            )


def _described(model: LoadedModel, labels: tuple[str, ...], pixels: tuple[float, float]) -> Record:
    """Make the record that a file lacks from what the user says and the graph shows."""
    if not labels:
        raise ModelFormatError(
            f"{model.path} has no ferlite record, so its labels are unknown; name them in the order of its outputs "
            "(ferlite run --labels happy,sad,...; Classifier.load(labels=...)), and what black and white are, "
            "if not 0 and 255 (--pixels, pixels=)"
        )
    shape = [int(n) for detail in model.inputs for n in detail["shape"]]
    classes = int(np.prod([n for detail in model.outputs for n in detail["shape"]]))
    if len(shape) != 4 or shape[3] not in (1, 3) or classes != len(labels):
        raise ModelFormatError(
            f"{model.path} takes {shape} and gives {classes} values: not a classifier of {len(labels)} labels"
        )
    return Record(
        name=model.path.stem,
        task="expression",
        scheme=_SCHEMES.get(np.dtype(model.inputs[0]["dtype"]).name, "float32"),
        size=(shape[1], shape[2]),
        channels="grey" if shape[3] == 1 else "rgb",
        labels=labels,
        pixels=pixels,
        output="probabilities" if any(op == "SOFTMAX" for op in model.operators) else "logits",
    )
