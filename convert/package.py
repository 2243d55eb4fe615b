"""Step 5, package, and all five steps together: from a run folder to one model file for each scheme."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import metrics
from ..data.dataset import Dataset, Faces
from ..data.results.accuracy import RecordedScores
from ..data.splits import balanced_draw
from ..device.classifier import Classifier
from ..errors import DataError, UsageError, unknown
from ..models import modelfile
from ..models.record import Record, Scheme
from ..train.heads import Head
from ..train.networks.branches import fold
from ..train.networks.size import size_of
from ..train.preparation import prepare
from ..train.training import Run
from . import crop
from .budget import quantize_within
from .calibrate import Method, calibrate, calibration_set, describe
from .equalize import equalize
from .export import export
from .inspection import Inspection, inspect
from .interpreter import classes
from .layers import Layer, choose, layers
from .quantize import FLOATING, SCHEMES, STATIC, quantize
from .temperature import calibration_error, fit_temperature
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


STEPS = ("export", "calibrate", "quantize", "verify", "package")
"""The steps of a conversion in their order."""


@dataclass(frozen=True)
class Made:
    """A model file that a conversion made.

    Attributes:
        path: The file.
        accuracy: Share of the validation faces that it names rightly.
        agreement: Share of them on which it and float32 name the same class.
        xnnpack: Share of its operators that XNNPACK runs; without it a model is many times slower.
        kept_float: Names of the layers that were left in float.
        inspection: The error of each layer, if that was asked for.
    """

    path: Path
    accuracy: float
    agreement: float
    xnnpack: float
    kept_float: tuple[str, ...]
    inspection: Inspection | None = None


def convert(
    run: Run,
    dataset: Dataset,
    out: str | Path,
    *,
    head: Head = "labels",
    schemes: Sequence[Scheme] = ("int8", "float32"),
    calibration: int = 256,
    method: Method = "min-max",
    keep_float: Sequence[str] = (),
    budget: float = 1.0,
    inspected: bool = False,
    licence: str = "",
    on_step: Callable[[str], None] = lambda step: None,
) -> dict[Scheme, Made]:
    """Export, calibrate, quantize, verify and package a finished run.

    Args:
        run: The run.
        dataset: The data it was trained on.
        out: Folder for `NAME.tflite`, which is int8, and `NAME-SCHEME.tflite`.
        head: Which head of a run that has two; the second's NAME ends with `-ferplus`, and its faces are those with a
            majority of votes.
        schemes: Keys of `quantize.SCHEMES`.
        calibration: How many training faces to calibrate on.
        method: How ranges are found, see `calibrate`.
        keep_float: Layers that int8 leaves in float, by names as in `layers.choose`.
        budget: Percentage points of validation accuracy that int8 may lose; above it the worst layers
            stay in float, see `budget`.
        inspected: Whether to measure the error of each layer of quantized graphs, see `inspection`.
        licence: Licence of the weights, for the record.
        on_step: Called with the name of each step as it begins.

    Returns:
        What was made, by scheme.

    Raises:
        DataError: The data are not the run's, or a weight is not finite.
        UsageError: The run is not finished, or has no second head.
        UnknownNameError: There is no such scheme or layer.
        ModelFormatError: A graph does not pass `verify`.
        OutputError: A file can't be written.
    """
    for scheme in schemes:
        if scheme not in SCHEMES:
            raise unknown("scheme", scheme, SCHEMES)
    check(run, dataset)
    dataset = prepared(run, dataset, head)
    train, validation = dataset.split("train"), dataset.split("validation")

    on_step("export")
    images = calibration_set(train, calibration)
    floating = exported(run, dataset, head)
    kept = choose(layers(floating), keep_float)
    on_step("calibrate")
    ranges = calibrate(floating, images, method)
    on_step("quantize")
    graphs: dict[Scheme, tuple[bytes, list[Layer]]] = {}
    for scheme in schemes:
        if scheme == "int8":
            graphs[scheme] = quantize_within(floating, ranges, validation, budget, images, kept)
        else:
            graphs[scheme] = quantize(floating, ranges, scheme), []
    on_step("verify")
    agreement = {
        scheme: verify(graph, floating, validation.images, scheme, left) for scheme, (graph, left) in graphs.items()
    }
    on_step("package")
    drawn = train.images[balanced_draw(train.labels, 2000, seed=0)]
    record = _record(run, dataset, head).with_(
        crop=crop.measure(drawn, f"the training split of {dataset.name}"), licence=licence
    )
    records: dict[Scheme, Record] = {}
    shares: dict[Scheme, float] = {}
    recorded: dict[str, RecordedScores] = {}
    for scheme, (graph, left) in graphs.items():
        records[scheme] = record.with_(
            scheme=scheme,
            kept_float=tuple(layer.name for layer in left),
            calibration=describe(images, method) if scheme in STATIC else {},
        )
        logits, shares[scheme] = _run(graph, records[scheme], validation)
        scores = metrics.score(logits.argmax(axis=1), validation.labels, record.labels)
        temperature = fit_temperature(logits, validation.labels)
        recorded[scheme] = {
            "accuracy": scores.accuracy,
            "interval": scores.interval,
            "balanced_accuracy": scores.balanced_accuracy,
            "macro_f1": scores.macro_f1,
            "recall": scores.recall,
            "confusion": scores.confusion,
            "calibration_error": {
                "before": calibration_error(logits, validation.labels, 1),
                "after": calibration_error(logits, validation.labels, temperature),
            },
        }
        records[scheme] = records[scheme].with_(temperature=temperature)
    made: dict[Scheme, Made] = {}
    for scheme, (graph, _) in graphs.items():
        name = record.name if scheme == "int8" else f"{record.name}-{scheme}"
        # Each file records the scores of all schemes, so that the cost of int8 stands in it.
        described = records[scheme].with_(accuracy={"validation": {"count": len(validation), **recorded}})
        path = modelfile.write(Path(out) / f"{name}.tflite", graph, described)
        errors = inspect(graph, floating, images) if inspected and scheme not in FLOATING else None
        made[scheme] = Made(
            path, recorded[scheme]["accuracy"], agreement[scheme], shares[scheme], described.kept_float, errors
        )
    return made


def prepared(run: Run, dataset: Dataset, head: Head = "labels") -> Dataset:
    """Return the faces that a run was trained on, with the labels of one of its heads.

    Raises:
        MissingFileError: The votes are not where they were.
        DataError: They are not what they were.
        UsageError: The run has no second head.
    """
    run.check_head(head)
    votes = run.votes()
    dataset = prepare(dataset, run.recipe, votes)
    return votes.labelled(dataset) if votes and head == "ferplus" else dataset


def model_name(run: Run, head: Head = "labels") -> str:
    """Return what the model of a run's head is called."""
    return run.recipe.name if head == "labels" else f"{run.recipe.name}-{head}"


def exported(run: Run, dataset: Dataset, head: Head = "labels") -> bytes:
    """Return a run's float32 graph, prepared for int8 by `equalize`.

    Args:
        run: The run.
        dataset: The faces that it was trained on, as `prepared` or `train.preparation.prepare` gives them.
        head: Which head it ends with.
    """
    return export(equalize(fold(run.network(head)), calibration_set(dataset.split("train"), 2048)))


def int8_classes(run: Run, dataset: Dataset, faces: Faces) -> NDArray[np.int64]:
    """Return the classes that a run's int8 graph names; the graph is neither kept nor verified.

    Args:
        run: The run.
        dataset: The faces that it was trained on, as `train.preparation.prepare` gives them.
        faces: Faces to name.

    Returns:
        int64 [n].
    """
    floating = exported(run, dataset)
    ranges = calibrate(floating, calibration_set(dataset.split("train")))
    return classes(quantize(floating, ranges), faces.images)


def check(run: Run, dataset: Dataset) -> None:
    """Check that a run is finished and a data set is the one it was trained on.

    Raises:
        DataError: It is another data set.
        UsageError: The run is not finished.
    """
    if "best" not in run.info:
        raise UsageError(
            f"{run.folder} is not finished ({run.info['epochs_done']} epochs); resume it with ferlite train"
        )
    if dataset.sha256 != run.info["data"]["sha256"]:
        raise DataError(f"{dataset.path or dataset.name} is not the data that {run.folder} was trained on")


def _record(run: Run, dataset: Dataset, head: Head = "labels") -> Record:
    size = run.info if head == "labels" else size_of(run.network(head))
    data = {key: run.info["data"][key] for key in ("name", "sha256", "faces")}
    for source in ("extra", "votes", "teachers"):
        if source in run.info:
            data[source] = run.info[source]["sha256"]
    return Record(
        name=model_name(run, head),
        task="expression",
        scheme="float32",
        size=(run.recipe.size, run.recipe.size),
        channels="grey",
        labels=dataset.label_names,
        network=run.recipe.network,
        parameters=size["parameters"],
        macs=size["macs"],
        recipe=run.recipe.name,
        data=data,
        versions=run.info["versions"] | {"litert-quantizer": version("litert-quantizer")},
        intended_use=_INTENDED,
        limits=_LIMITS,
    )


def _run(graph: bytes, record: Record, faces: Faces) -> tuple[NDArray[np.float32], float]:
    """Run a graph as the device will, from its file through the classifier: logits, and XNNPACK's share."""
    with tempfile.TemporaryDirectory() as folder:
        classifier = Classifier.load(modelfile.write(Path(folder) / "model.tflite", graph, record))
    return classifier.logits(faces.images), classifier.model.xnnpack_share
