"""Accuracy of model files on labelled faces, each alone and each against each."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Dataset, Faces, identical_to
from ..data.eigenfaces import EIGENFACES
from ..data.metrics import calibration_error, reliability, score
from ..data.results.accuracy import AccuracyResult, FaceSample, FinalScore, ModelScores, PairedScores, Scoring
from ..data.results.files import ACCURACY_SCHEMA
from ..data.splits import ALL, split_name
from ..device.classifier import Classifier
from ..device.outputs.base import explained
from ..errors import DataError, UsageError
from ..models import registry
from ..models.files import read_bytes, sha256
from ..models.growing import Lines
from ..models.labels import canonical
from . import machine, statistics

SAMPLES = 8
"""Faces of each kind that a result keeps to be shown: right in both of two models, in one, in none."""


def measure(
    models: Sequence[str | Path],
    dataset: Dataset,
    split: str = "validation",
    *,
    limit: int | None = None,
    labels: Sequence[str] = (),
    on_face: Callable[[int, int], None] = lambda done, total: None,
) -> AccuracyResult:
    """Score models on one split of a data set.

    Args:
        models: Names of shipped models or paths.
        dataset: The data; its labels must all be known to each model.
        split: Split to score on, or `data.splits.ALL`.
        limit: Score only the first so many faces.
        labels: Score only faces with these labels, and let the models choose among these only: what models
            of different label sets have in common. Empty for all.
        on_face: Called with the faces done and their total, over all models.

    Returns:
        JSON-ready scores of each model, and of each pair McNemar's exact test and the paired-bootstrap interval of
        the difference, by groups of faces that depend on each other: persons, as far as the data tell them, and
        identical pictures. Where faces of the split are pixel-identical to training faces, everything stands again
        under `without_duplicates`. Of the data set `eigenfaces` there are `samples`: the first faces of each kind,
        see `SAMPLES`.

    Raises:
        DataError: The data have a label that a model lacks.
        FerliteError: Whatever `Classifier.load` raises.
    """
    faces = dataset.split(split)
    named = ALL if split == ALL else split_name(split)
    kept = tuple(map(canonical, labels)) or dataset.label_names
    faces = faces[np.isin(np.array(dataset.label_names)[faces.labels], kept)]
    if limit is not None:
        faces = faces[np.arange(min(limit, len(faces)))]
    if not len(faces):
        raise DataError(f"{split} of {dataset.name} holds no face with the labels {', '.join(kept)}")
    classifiers = [Classifier.load(model) for model in models]
    outputs = []
    for place, classifier in enumerate(classifiers):
        true = translated(faces, dataset, classifier)
        probabilities = np.concatenate(
            [
                _step(classifier, faces, start, on_face, place * len(faces), len(models) * len(faces))
                for start in range(0, len(faces), 64)
            ]
        )
        if labels:
            probabilities = probabilities * np.isin(classifier.labels, kept)
            probabilities /= probabilities.sum(axis=1, keepdims=True)
        outputs.append((classifier, probabilities, true))
    groups = faces.groups if len(np.unique(faces.groups)) < len(faces) else None
    result: AccuracyResult = {
        "schema": ACCURACY_SCHEMA,
        **machine.describe(),
        "data": {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "split": named,
            "labels": list(kept) if labels else [],
            "faces": len(faces),
            "groups": None if groups is None else len(np.unique(groups)),
        },
        **_scored(models, outputs, groups, np.ones(len(faces), bool)),
        # These are drawn; pictures of people are not for showing.
        "samples": _samples(faces, outputs[:2]) if dataset.path == EIGENFACES else [],
    }
    train = dataset.splits.get("train")
    if train is not None and named not in (ALL, "train"):
        twins = identical_to(faces, train)
        if twins.any() and not twins.all():
            result["without_duplicates"] = {
                "duplicates": int(twins.sum()),
                **_scored(models, outputs, groups, ~twins),
            }
    return result


def log_final(result: AccuracyResult, log: str | Path) -> None:
    """Append the scores of a look at a test split to a log, one line for each model.

    Args:
        result: From `measure`.
        log: JSON-lines file.

    Raises:
        OutputError: The log can't be written.
    """
    without = result.get("without_duplicates")
    lines = []
    for place, scores in enumerate(result["models"]):
        line: FinalScore = {
            "date": result["date"],
            "data": result["data"],
            "model": scores["name"],
            "scheme": scores["scheme"],
            "model_sha256": scores["sha256"],
            "accuracy": scores["accuracy"],
            "interval": scores["interval"],
            "macro_f1": scores["macro_f1"],
            "calibration_error": scores["calibration_error"],
            "recall": scores["recall"],
            "confusion": scores["confusion"],
            "accuracy_without_duplicates": without["models"][place]["accuracy"] if without else None,
        }
        lines.append(json.dumps(line))
    with explained(log), closing(Lines(log, begin="{", every_line=True)) as file:
        for text in lines:
            file.write(text)


def refuse_second_look(models: Sequence[str | Path], dataset: Dataset, log: str | Path) -> None:
    """Stop a model from being scored on a test split that it was scored on before.

    Raises:
        UsageError: The log holds a line of one of the models on this data set.
        DataError: The log is not one that `log_final` wrote.
    """
    if not Path(log).exists():
        return
    try:
        seen: list[FinalScore] = [json.loads(line) for line in read_bytes(log).decode().splitlines()]
        known = [(line["model_sha256"], line["data"]["sha256"]) for line in seen]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{log} is no log of final scores ({error!r}); name another file") from error
    for model in models:
        path = registry.path(model)
        digest = sha256(read_bytes(path))
        for line, looked in zip(seen, known, strict=True):
            if looked == (digest, dataset.sha256):
                raise UsageError(
                    f"{path} was scored on this test split on {line['date']}: {line['accuracy']:.4f} (see {log}); "
                    "a second look would make the test split a validation split"
                )


def unpacked(text: str, count: int) -> NDArray[np.bool_]:
    """Return which faces a model got right, bool [count], from the text that a result keeps as `right`.

    Raises:
        ValueError: The text is no base64 or too short.
    """
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text, validate=True), np.uint8))
    if len(bits) < count:
        raise ValueError(f"{len(bits)} answers for {count} faces")
    return bits[:count].astype(bool)


def _packed(right: NDArray[np.bool_]) -> str:
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def _step(
    classifier: Classifier,
    faces: Faces,
    start: int,
    on_face: Callable[[int, int], None],
    before: int,
    total: int,
) -> NDArray[np.float32]:
    images = faces.images[start : start + 64]
    on_face(before + start + len(images), total)
    return classifier.probabilities(classifier.resize(images))


def translated(faces: Faces, dataset: Dataset, classifier: Classifier) -> NDArray[np.int64]:
    """Return the faces' labels as places in the classifier's label list."""
    used = [dataset.label_names[code] for code in np.unique(faces.labels)]
    missing = [name for name in used if name not in classifier.labels]
    if missing:
        raise DataError(
            f"{dataset.name} has faces labelled {', '.join(missing)}, which {classifier.record.name} lacks "
            f"(it knows {', '.join(classifier.labels)}); leave these faces out with --labels, or take another model"
        )
    places = [classifier.labels.index(n) if n in classifier.labels else -1 for n in dataset.label_names]
    return np.array(places, np.int64)[faces.labels]


def _scored(
    models: Sequence[str | Path],
    outputs: list[tuple[Classifier, NDArray[np.float32], NDArray[np.int64]]],
    groups: NDArray[np.int64] | None,
    which: NDArray[np.bool_],
) -> Scoring:
    """Score all models, and each against each, on the faces that `which` marks."""
    rows: list[ModelScores] = []
    right, named = [], []
    for model, (classifier, probabilities, labels) in zip(models, outputs, strict=True):
        predicted = probabilities[which].argmax(axis=1)
        bins = reliability(probabilities[which], labels[which])
        path = registry.path(model)
        rows.append(
            {
                "name": classifier.record.name,
                "file": str(model),
                "sha256": sha256(read_bytes(path)),
                "bytes": path.stat().st_size,
                "scheme": classifier.record.scheme,
                "parameters": classifier.record.parameters,
                "macs": classifier.record.macs,
                "xnnpack": classifier.model.uses_xnnpack,
                **score(predicted, labels[which], classifier.labels).to_json(),
                "calibration_error": calibration_error(bins),
                "reliability": bins,
                "right": _packed(predicted == labels[which]),
            }
        )
        right.append(predicted == labels[which])
        named.append(np.array(classifier.labels)[predicted])
    pairs: list[PairedScores] = []
    for first, second in combinations(range(len(rows)), 2):
        difference, interval = statistics.paired_difference(
            right[first], right[second], None if groups is None else groups[which]
        )
        only_first = int((right[first] & ~right[second]).sum())
        only_second = int((right[second] & ~right[first]).sum())
        pairs.append(
            {
                "models": [rows[first]["file"], rows[second]["file"]],
                "agreement": float((named[first] == named[second]).mean()),
                "only_first_right": only_first,
                "only_second_right": only_second,
                "mcnemar_p": statistics.mcnemar(only_first, only_second),
                "difference": difference,
                "difference_interval": interval,
            }
        )
    return {"models": rows, "pairs": pairs}


def _samples(
    faces: Faces, outputs: list[tuple[Classifier, NDArray[np.float32], NDArray[np.int64]]]
) -> list[FaceSample]:
    """Take the first faces of each kind: right in all of the models, in some, in none."""
    answers = np.stack([probabilities.argmax(axis=1) for _, probabilities, _ in outputs])
    right = answers == np.stack([labels for _, _, labels in outputs])
    kinds = [np.flatnonzero((right == kind[:, None]).all(axis=0))[:SAMPLES] for kind in np.unique(right.T, axis=0)]
    names = [classifier.labels for classifier, _, _ in outputs]
    return [
        {
            "row": int(faces.rows[place]),
            "sha256": sha256(faces.images[place].tobytes()),
            "label": names[0][outputs[0][2][place]],
            "answers": [labels[answer] for labels, answer in zip(names, answers[:, place], strict=True)],
        }
        for place in np.sort(np.concatenate(kinds))
    ]
