"""Two models side by side on live frames: how often they agree, and how long each takes."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..classifier import Classifier
from ..pipeline import Pipeline

_INFERENCES = 50


@dataclass
class Trial:
    """What two models said of the same faces.

    Attributes:
        faces: Faces that both read, in all frames.
        same: Of these, how many got the same label.
        labels: How often each pair of labels came, the first model's first.
        ms: Median milliseconds of one inference, by the model's name.
    """

    faces: int = 0
    same: int = 0
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    ms: dict[str, float] = field(default_factory=dict)

    @property
    def agreement(self) -> float | None:
        """Share of the faces that got the same label, 0 to 1; None without faces."""
        return self.same / self.faces if self.faces else None


def compare(
    pipeline: Pipeline,
    seconds: float,
    on_frame: Callable[[float, Trial], None] = lambda part, trial: None,
    clock: Callable[[], float] = time.monotonic,
) -> Trial:
    """Let two models read the same faces for a while, or until the source ends.

    Args:
        pipeline: Opened with two models.
        seconds: How long.
        on_frame: Called after each frame with the share of the time that is over, and what was seen.
        clock: Gives seconds.
    """
    one, other = pipeline.classifiers
    trial, begin = Trial(), clock()
    for result in pipeline:
        for face in result.faces:
            first, second = face.readings[one].raw, face.readings[other].raw
            if first is not None and second is not None:
                trial.faces += 1
                trial.same += first.label == second.label
                trial.labels[first.label, second.label] += 1
        elapsed = clock() - begin
        on_frame(min(1.0, elapsed / seconds) if seconds else 1.0, trial)
        if elapsed >= seconds:
            break
    trial.ms = {name: _milliseconds(classifier) for name, classifier in pipeline.classifiers.items()}
    return trial


def _milliseconds(classifier: Classifier) -> float:
    face = np.zeros((1, *classifier.record.size), np.uint8)
    taken = []
    for _ in range(_INFERENCES):
        begin = time.perf_counter()
        classifier.logits(face)
        taken.append(1000 * (time.perf_counter() - begin))
    return statistics.median(taken)
