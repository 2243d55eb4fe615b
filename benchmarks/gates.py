"""What the device's limits are chosen by: how accuracy falls with a face's size, blur and turn, and doubt."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Dataset
from ..data.metrics import wilson
from ..device.classifier import FER2013_MODEL, Classifier
from ..device.faces.finder import FaceFinder
from ..device.faces.gate import Gate, sharpness
from ..device.tracks import Smoothing
from . import accuracy, machine, pasted_faces

SCHEMA = "ferlite-gates/1"

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
) -> dict[str, Any]:
    """Measure accuracy on the validation split by size, blur, turn and confidence.

    Args:
        dataset: Faces whose labels are all known to the model.
        model: Names the expressions.
        limit: Take only the first so many faces.
        on_step: Called with the name of each step as it begins.

    Returns:
        JSON-ready rows, each with `faces`, `accuracy` and its 95 % `interval`. `sizes`: faces made so many
        `pixels` wide and enlarged again. `blurs`: faces under a Gaussian of `sigma` pixels of 48, their
        median `sharpness` and the share `refused` at the gate's limit. `turns`: faces pasted and found,
        by how far they are turned, `from` and `to` (see `gate.turn`). `thresholds`: faces named with a
        confidence of at least `threshold`, and their share, `coverage` (El-Yaniv and Wiener 2010). `limits`:
        the device's defaults.

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
    sizes = [
        {"pixels": pixels, **_share(pasted_faces.right(classifier, _shrunk(faces.images, pixels), labels))}
        for pixels in SIZES
    ]
    blurs = []
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
    turns = []
    for low, high in pairwise(TURNS):
        within = (seen.turns >= low) & (seen.turns < high)
        turns.append({"from": low, "to": None if high == np.inf else high, **_share(right[within])})
    on_step("thresholds")
    probabilities = classifier.probabilities(classifier.resize(faces.images))
    right, sure = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    thresholds = [
        {"threshold": threshold, "coverage": float((sure >= threshold).mean()), **_share(right[sure >= threshold])}
        for threshold in THRESHOLDS
    ]
    limits = {name: getattr(gate, name) for name in ("min_face", "min_sharpness", "max_turn")}
    return {
        "schema": SCHEMA,
        **machine.describe(),
        "model": str(model),
        "data": {"name": dataset.name, "sha256": dataset.sha256, "faces": len(faces)},
        "sizes": sizes,
        "blurs": blurs,
        "turns": turns,
        "thresholds": thresholds,
        "limits": limits | {"threshold": Smoothing.threshold},
    }


def _share(right: NDArray[np.bool_]) -> dict[str, Any]:
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
