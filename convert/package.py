"""Step 5, package, and the whole way: a run folder becomes an int8 model file and its float32 twin."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..device.classifier import Classifier
from ..models import modelfile
from ..models.errors import DataError, UsageError
from ..models.record import Record, Scheme
from ..train import datasets, metrics
from ..train.training import Run
from . import geometry
from .export import export
from .quantize import calibrate, calibration_set, describe, quantize
from .temperature import fit_temperature
from .verify import verify

_INTENDED = (
    "Telling which expression a face shows, on the device, in experiments, art, games and interfaces that "
    "people know of and agree to."
)
_LIMITS = (
    "An expression is not a feeling. Not for judging people at work or in education (EU AI Act, Article "
    "5(1)(f)), not for any decision about a person. Trained on FER2013-like pictures, whose labels are noisy "
    "and whose faces are not a fair sample of people."
)


@dataclass(frozen=True)
class Converted:
    """What a conversion made.

    Attributes:
        int8: Path of the int8 model.
        float32: Path of its float32 twin.
        agreement: Share of validation faces on which both name the same class.
        accuracy: Validation accuracy by scheme.
    """

    int8: Path
    float32: Path
    agreement: float
    accuracy: dict[str, float]


def convert(
    run: Run,
    dataset: datasets.Dataset,
    out: str | Path,
    *,
    calibration: int = 256,
    licence: str = "",
    on_step: Callable[[str], None] = lambda step: None,
) -> Converted:
    """Export, calibrate, quantize, verify and package a finished run.

    Args:
        run: The run.
        dataset: The data it was trained on.
        out: Folder for `NAME.tflite` and `NAME-float32.tflite`.
        calibration: How many training faces to calibrate on.
        licence: Licence of the weights, for the record.
        on_step: Called with the name of each step as it begins.

    Raises:
        DataError: The data are not the run's.
        UsageError: The run is not finished.
        ModelFormatError: The int8 graph does not pass `verify`.
        OutputError: A file can't be written.
    """
    if "best" not in run.info:
        raise UsageError(
            f"{run.folder} is not finished ({run.info['epochs_done']} epochs); resume it with ferlite train"
        )
    if dataset.sha256 != run.info["data"]["sha256"]:
        raise DataError(f"{dataset.path or dataset.name} is not the data that {run.folder} was trained on")
    train, validation = dataset.split("train"), dataset.split("validation")

    on_step("export")
    floating = export(run.network())
    on_step("calibrate")
    images = calibration_set(train, calibration)
    ranges = calibrate(floating, images)
    on_step("quantize")
    quantized = quantize(floating, ranges)
    on_step("verify")
    agreement = verify(quantized, floating, validation.images)
    on_step("package")
    drawn = train.images[datasets.balanced_draw(train.labels, 2000, seed=0)]
    record = _record(run, dataset).with_(
        crop=geometry.measure(drawn, f"the training split of {dataset.name}"), licence=licence
    )

    out = Path(out)
    paths: dict[Scheme, Path] = {
        "int8": out / f"{run.recipe.name}.tflite",
        "float32": out / f"{run.recipe.name}-float32.tflite",
    }
    calibrations: dict[Scheme, dict[str, Any]] = {"int8": describe(images), "float32": {}}
    accuracy: dict[str, float] = {}
    for (scheme, path), graph in zip(paths.items(), (quantized, floating), strict=True):
        described = record.with_(scheme=scheme, calibration=calibrations[scheme])
        logits = _logits(graph, described, validation)
        scores = metrics.score(logits.argmax(axis=1), validation.labels, record.labels)
        accuracy[scheme] = scores.accuracy
        told = {"validation": {"count": scores.count, "accuracy": scores.accuracy, "macro_f1": scores.macro_f1}}
        temperature = fit_temperature(logits, validation.labels)
        modelfile.write(path, graph, described.with_(accuracy=told, temperature=temperature))
    return Converted(paths["int8"], paths["float32"], agreement, accuracy)


def _record(run: Run, dataset: datasets.Dataset) -> Record:
    data = {key: run.info["data"][key] for key in ("name", "sha256", "faces")}
    return Record(
        name=run.recipe.name,
        task="expression",
        scheme="float32",
        size=(run.recipe.size, run.recipe.size),
        channels="grey",
        labels=dataset.label_names,
        network=run.recipe.network,
        parameters=run.info["parameters"],
        macs=run.info["macs"],
        recipe=run.recipe.name,
        data=data,
        versions=run.info["versions"] | {"litert-quantizer": version("litert-quantizer")},
        intended_use=_INTENDED,
        limits=_LIMITS,
    )


def _logits(graph: bytes, record: Record, faces: datasets.Faces) -> NDArray[np.float32]:
    """Run a graph as the device will: from its file, through the classifier."""
    with tempfile.TemporaryDirectory() as folder:
        classifier = Classifier.load(modelfile.write(Path(folder) / "model.tflite", graph, record))
        return classifier.logits(faces.images)
