"""Faces over time: who is who from frame to frame, and a label that does not flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .types import UNCERTAIN, Expression, Face, TrackedFace


@dataclass(frozen=True)
class Smoothing:
    """How expressions are calmed and when a label is given.

    Attributes:
        time_constant: Seconds in which the smoothed probabilities go 63 % of the way to new ones,
            whatever the frame rate; 0 for none.
        threshold: Smoothed probability that a label must reach to be given, 0 to 1; under it a face is
            `uncertain`.
        margin: How much a label that was given may fall under the threshold, or behind another one,
            before it gives way.
        keep: Seconds that a face may be out of sight and still be the same face.
        overlap: Least intersection over union of a face's boxes in two frames, 0 to 1.
    """

    time_constant: float = 0.3
    threshold: float = 0.4
    margin: float = 0.1
    keep: float = 1.0
    overlap: float = 0.2


@dataclass
class _Track:
    number: int
    face: Face
    seen: float
    probabilities: NDArray[np.float32]
    label: str


class Tracker:
    """Gives faces numbers that stay, and smooths each face's expression on its own.

    Attributes:
        smoothing: The settings.
    """

    def __init__(self, smoothing: Smoothing | None = None):
        self.smoothing = smoothing or Smoothing()
        self._tracks: list[_Track] = []
        self._next = 1

    def update(self, faces: Sequence[Face], expressions: Sequence[Expression], time: float) -> list[TrackedFace]:
        """Take in the faces of one frame.

        Args:
            faces: Faces of the frame.
            expressions: Expression of each face.
            time: Time of the frame in seconds; never goes back.

        Returns:
            The same faces in the same order with their history.
        """
        self._tracks = [t for t in self._tracks if time - t.seen <= self.smoothing.keep]
        matches = self._match(faces)
        result = []
        for place, (face, raw) in enumerate(zip(faces, expressions, strict=True)):
            track = matches.get(place)
            if track is None:
                track = _Track(self._next, face, time, raw.probabilities, UNCERTAIN)
                self._next += 1
                self._tracks.append(track)
            else:
                self._smooth(track, raw.probabilities, time - track.seen)
            track.face, track.seen = face, time
            smoothed = Expression(raw.labels, track.probabilities)
            track.label = self._decide(track.label, smoothed)
            result.append(TrackedFace(track.number, face, raw, smoothed, track.label))
        return result

    def forget(self) -> None:
        """Drop all tracks, as between unrelated pictures; their numbers are not used again."""
        self._tracks = []

    def _match(self, faces: Sequence[Face]) -> dict[int, _Track]:
        """Pair faces with tracks, largest overlap first."""
        pairs = [(overlap(f.box, t.face.box), i, t) for i, f in enumerate(faces) for t in self._tracks]
        pairs = [pair for pair in pairs if pair[0] >= self.smoothing.overlap]
        matches: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, place, track in sorted(pairs, key=lambda pair: -pair[0]):
            if place not in matches and track.number not in taken:
                matches[place] = track
                taken.add(track.number)
        return matches

    def _smooth(self, track: _Track, probabilities: NDArray[np.float32], elapsed: float) -> None:
        constant = self.smoothing.time_constant
        share = 1 - math.exp(-elapsed / constant) if constant > 0 else 1.0
        mixed = (1 - share) * track.probabilities + share * probabilities
        track.probabilities = mixed.astype(np.float32)

    def _decide(self, label: str, smoothed: Expression) -> str:
        threshold, margin = self.smoothing.threshold, self.smoothing.margin
        if label != UNCERTAIN:
            own = float(smoothed.probabilities[smoothed.labels.index(label)])
            if own >= threshold - margin and smoothed.confidence - own <= margin:
                return label
        return smoothed.label if smoothed.confidence >= threshold else UNCERTAIN


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Return the intersection over union of two boxes (x, y, width, height), 0 to 1."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
