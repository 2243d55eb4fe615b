"""Faces of a data set pasted into frames: what the device's finding and cropping costs in accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Faces
from ..data.metrics import wilson
from ..data.results.device import PastedScores
from ..device.classifier import Classifier
from ..device.faces.finder import FaceFinder, in_box
from ..device.faces.gate import Gate
from . import statistics

SIDE = 200
"""Pixels of a pasted face's side."""

_FRAME = (480, 640)
_GREY = 128


@dataclass(frozen=True, eq=False)
class Seen:
    """What the device saw of pasted faces.

    Attributes:
        found: bool [n], whether exactly one face was found, and its middle within a quarter of the
            pasted face's side from that one's middle.
        crops: uint8 [found, h, w], what the classifier is shown.
        turns: float [found], how far the head is turned, see `gate.turn`.
        points: float64 [found, 5, 2], O-Net's landmarks in YuNet's box, see `faces.in_box`.
        refused: str [found], why the gate would not have the face read; empty if it would.
    """

    found: NDArray[np.bool_]
    crops: NDArray[np.uint8]
    turns: NDArray[np.float64]
    points: NDArray[np.float64]
    refused: NDArray[np.str_]


def paste(face: NDArray[np.uint8], roll: float) -> NDArray[np.uint8]:
    """Paste a grey face, `SIDE` pixels wide, into the middle of an even grey frame.

    Args:
        face: uint8 [h, w].
        roll: Degrees by which it is turned against the clock.

    Returns:
        uint8 [480, 640, 3].
    """
    large = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    # Pixels are counted at their middles.
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), roll, 1)
    matrix[:, 2] += (_FRAME[1] - SIDE) / 2, (_FRAME[0] - SIDE) / 2
    frame = cv2.warpAffine(large, matrix, _FRAME[::-1], borderMode=cv2.BORDER_CONSTANT, borderValue=(_GREY,))
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)


def look(
    faces: Faces,
    roll: float,
    finder: FaceFinder,
    classifier: Classifier,
    on_face: Callable[[int], None] = lambda done: None,
) -> Seen:
    """Paste faces one by one and let the device find and cut them.

    Args:
        faces: The faces.
        roll: Degrees by which they are turned against the clock.
        finder: Finds them.
        classifier: Says how they are cut.
        on_face: Called with the number of faces done.
    """
    found = np.zeros(len(faces), bool)
    crops, turns, points, refused, gate = [], [], [], [], Gate()
    for place, image in enumerate(faces.images):
        frame = paste(image, roll)
        seen = finder.find(frame)
        on_face(place + 1)
        if len(seen) == 1:
            x, y, width, height = seen[0].box
            middle = np.array([x + width / 2, y + height / 2])
            found[place] = np.abs(middle - np.array(_FRAME[::-1]) / 2).max() <= SIDE / 4
        if found[place]:
            crops.append(classifier.crop(frame, seen[0]))
            turns.append(abs(seen[0].turn))
            own = finder.points(frame, seen[0].box)
            points.append(in_box(np.full((5, 2), np.nan) if own is None else own, seen[0].box))
            refused.append(gate.refuses(seen[0], crops[-1]))
    cut = np.array(crops) if crops else np.empty((0, *classifier.record.size), np.uint8)
    return Seen(found, cut, np.array(turns, np.float64), np.array(points), np.array(refused, np.str_))


def right(classifier: Classifier, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each face, uint8 [n, h, w], whether a classifier names it as labelled, bool [n]."""
    return classifier.probabilities(classifier.resize(images)).argmax(axis=1) == labels


def measure(roll: float, seen: Seen, faces: Faces, labels: NDArray[np.int64], classifier: Classifier) -> PastedScores:
    """Hold the accuracy on faces as the device cuts them against that on the same faces given directly.

    Args:
        roll: Degrees by which the faces were turned.
        seen: What `look` saw.
        faces: The faces that were pasted.
        labels: int [n], their labels as indices of the classifier's.
        classifier: Names them.

    Returns:
        JSON-ready scores. The landmarks are means of the faces and their mirror images; the share found has
        Wilson's interval, the loss a paired one.
    """
    kept = np.flatnonzero(seen.found)
    count = len(kept)
    mirrored = seen.points.reshape(-1, 5, 2)[:, [1, 0, 2, 4, 3]] * (-1, 1)
    mean = np.nanmean(seen.points.reshape(-1, 5, 2) + mirrored, axis=0) / 2 if count else np.empty((0, 2))
    scores: PastedScores = {
        "roll": roll,
        "landmarks_in_box": mean.round(3).tolist(),
        "faces": len(faces),
        "found": count / len(faces),
        "found_interval": wilson(count, len(faces)),
        "refused": None,
        "direct": None,
        "device": None,
        "loss": None,
        "loss_interval": None,
    }
    if not count:
        return scores
    direct = right(classifier, faces.images[kept], labels[kept])
    device = right(classifier, seen.crops, labels[kept])
    loss, interval = statistics.paired_difference(device, direct)
    return {
        **scores,
        "refused": float((seen.refused != "").mean()),
        "direct": float(direct.mean()),
        "device": float(device.mean()),
        "loss": loss,
        "loss_interval": interval,
    }


def means(seen: Seen, faces: Faces) -> NDArray[np.uint8]:
    """Return the mean of the faces found beside the mean of their crops, uint8 [200, 400]; nobody's picture."""
    both = (pictures.mean(axis=0).astype(np.uint8) for pictures in (faces.images[seen.found], seen.crops))
    return np.hstack([cv2.resize(mean, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for mean in both]).astype(np.uint8)
