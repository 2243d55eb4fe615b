"""What the device's limits are chosen by: how accuracy falls with a face's size, blur and turn, and doubt."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Dataset
from ..data.metrics import wilson
from ..data.results.device import ByBlur, ByConfidence, BySize, ByTurn, FacesNamed, GatesResult
from ..data.results.files import GATES_SCHEMA
from ..device.classifier import FER2013_MODEL, Classifier
from ..device.faces.finder import FaceFinder
from ..device.faces.gate import Gate, sharpness
from ..device.tracks import Smoothing
from . import accuracy, machine, pasted_faces

SIZES = (48, 40, 32, 28, 24, 20, 16, 12, 8)
BLURS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
TURNS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, np.inf)
THRESHOLDS = (0.0, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9)


def measure(
    dataset: Dataset,
    *,
    model: str | Path = FER2013_MODEL,
    limit: int | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> GatesResult:
    """Measure accuracy on the validation split by size, blur, turn and confidence.

    Args:
        dataset: Faces whose labels are all known to the model.
        model: Names the expressions.
        limit: Take only the first so many faces.
        on_step: Called with the name of each step as it begins.

    Returns:
        JSON-ready rows. `turns` are of faces pasted and found; `thresholds` give accuracy and coverage (El-Yaniv
        and Wiener 2010); `limits` are the device's defaults.

    Raises:
        DataError: The data have a label that the model lacks, or no validation split.
    """
    classifier = Classifier.load(model)
    faces = dataset.split("validation")
    if limit is not None:
        faces = faces[np.arange(min(limit, len(faces)))]
    labels = accuracy.translated(faces, dataset, classifier)
    gate = Gate()
    on_step("sizes")
    sizes: list[BySize] = [
        {"pixels": pixels, **_share(pasted_faces.right(classifier, _shrunk(faces.images, pixels), labels))}
        for pixels in SIZES
    ]
    blurs: list[ByBlur] = []
    for sigma in BLURS:
        on_step(f"blur of {sigma:g} pixels")
        blurred = _blurred(faces.images, sigma)
        sharp = np.array([sharpness(face) for face in classifier.resize(blurred)])
        blurs.append(
            {
                "sigma": sigma,
                "sharpness": float(np.median(sharp)),
                "refused": float((sharp < gate.min_sharpness).mean()),
                **_share(pasted_faces.right(classifier, blurred, labels)),
            }
        )
    on_step("turns")
    seen = pasted_faces.look(faces, 0, FaceFinder(), classifier)
    right = pasted_faces.right(classifier, seen.crops, labels[seen.found])
    turns: list[ByTurn] = []
    for low, high in pairwise(TURNS):
        within = (seen.turns >= low) & (seen.turns < high)
        turns.append({"low": low, "high": None if high == np.inf else high, **_share(right[within])})
    on_step("thresholds")
    probabilities = classifier.probabilities(classifier.resize(faces.images))
    right, sure = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    thresholds: list[ByConfidence] = [
        {"threshold": threshold, "coverage": float((sure >= threshold).mean()), **_share(right[sure >= threshold])}
        for threshold in THRESHOLDS
    ]
    return {
        "schema": GATES_SCHEMA,
        **machine.describe(),
        "model": str(model),
        "data": {"name": dataset.name, "sha256": dataset.sha256, "faces": len(faces)},
        "sizes": sizes,
        "blurs": blurs,
        "turns": turns,
        "thresholds": thresholds,
        "limits": {
            "min_face": gate.min_face,
            "min_sharpness": gate.min_sharpness,
            "max_turn": gate.max_turn,
            "threshold": Smoothing.threshold,
        },
    }


def _share(right: NDArray[np.bool_]) -> FacesNamed:
    count = len(right)
    if not count:
        return {"faces": 0, "accuracy": None, "interval": None}
    return {"faces": count, "accuracy": float(right.mean()), "interval": wilson(int(right.sum()), count)}


def _shrunk(faces: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    """Make faces as a camera sees them from afar, enlarged to their size again as the device's crop is."""
    size = faces.shape[2], faces.shape[1]
    small = (cv2.resize(face, (pixels, pixels), interpolation=cv2.INTER_AREA) for face in faces)
    return np.stack([cv2.resize(face, size, interpolation=cv2.INTER_LINEAR) for face in small]).astype(np.uint8)


def _blurred(faces: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    scaled = sigma * faces.shape[2] / 48
    return np.stack([cv2.GaussianBlur(face, (0, 0), scaled) for face in faces]).astype(np.uint8) if sigma else faces
