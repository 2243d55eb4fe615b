"""Faces over time: who is who from frame to frame, and a label that does not flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .faces.boxes import iou
from .types import UNCERTAIN, UNREADABLE, Box, Expression, Face, TrackedFace


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
        hold: Seconds that a label outlives the last frame in which its face could be read.
        keep: Seconds that a face may be out of sight and still be the same face.
        iou: Least intersection over union, 0 to 1, of a face's box and the one where it was going.
    """

    time_constant: float = 0.4
    threshold: float = 0.4
    margin: float = 0.15
    hold: float = 0.5
    keep: float = 1.0
    iou: float = 0.2


_VELOCITY_CONSTANT = 0.3  # seconds


@dataclass
class _Track:
    number: int
    face: Face
    seen: float
    velocity: tuple[float, float] = (0.0, 0.0)  # pixels a second
    label: str = UNREADABLE
    expression: Expression | None = None
    read: float = -math.inf

    def expected(self, time: float) -> Box:
        """Return the box that moved on as it was moving."""
        elapsed, (x, y, width, height) = time - self.seen, self.face.box
        return x + self.velocity[0] * elapsed, y + self.velocity[1] * elapsed, width, height

    def see(self, face: Face, time: float) -> None:
        """Note where the face is now, and how it moves."""
        elapsed = time - self.seen
        if elapsed > 0:
            share = -math.expm1(-elapsed / _VELOCITY_CONSTANT)
            moved = (_middle(face.box)[axis] - _middle(self.face.box)[axis] for axis in (0, 1))
            x, y = (v + share * (way / elapsed - v) for v, way in zip(self.velocity, moved, strict=True))
            self.velocity = x, y
        self.face, self.seen = face, time


class Tracker:
    """Gives faces numbers that stay, and smooths each face's expression on its own.

    Attributes:
        smoothing: The settings.
    """

    def __init__(self, smoothing: Smoothing | None = None):
        self.smoothing = smoothing or Smoothing()
        self._tracks: list[_Track] = []
        self._next = 1

    def update(self, faces: Sequence[Face], readings: Sequence[Expression | str], time: float) -> list[TrackedFace]:
        """Take in the faces of one frame.

        Args:
            faces: Faces of the frame.
            readings: Expression of each face, or why it can't be read.
            time: Time of the frame in seconds; never goes back.

        Returns:
            The same faces in the same order with their history.
        """
        self._tracks = [t for t in self._tracks if time - t.seen <= self.smoothing.keep]
        matches = self._match(faces, time)
        result = []
        for place, (face, reading) in enumerate(zip(faces, readings, strict=True)):
            track = matches.get(place)
            if track is None:
                track = _Track(self._next, face, time)
                self._next += 1
                self._tracks.append(track)
            track.see(face, time)
            if isinstance(reading, Expression):
                track.expression = self._smooth(track, reading, time)
                track.label, track.read = self._decide(track.label, track.expression), time
                result.append(TrackedFace(track.number, face, reading, track.expression, track.label))
                continue
            if time - track.read > self.smoothing.hold:
                track.label, track.expression = UNREADABLE, None
            result.append(TrackedFace(track.number, face, None, track.expression, track.label, reading))
        return result

    def forget(self) -> None:
        """Drop all tracks, as between unrelated pictures; their numbers are not used again."""
        self._tracks = []

    def _match(self, faces: Sequence[Face], time: float) -> dict[int, _Track]:
        """Pair faces with tracks, largest overlap first, each track being where it was going (Bewley et al. 2016)."""
        expected = [(track, track.expected(time)) for track in self._tracks]
        pairs = [(iou(face.box, box), i, track) for i, face in enumerate(faces) for track, box in expected]
        pairs = [pair for pair in pairs if pair[0] >= self.smoothing.iou]
        matches: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, place, track in sorted(pairs, key=lambda pair: -pair[0]):
            if place not in matches and track.number not in taken:
                matches[place] = track
                taken.add(track.number)
        return matches

    def _smooth(self, track: _Track, raw: Expression, time: float) -> Expression:
        constant = self.smoothing.time_constant
        if track.expression is None or constant <= 0:
            return raw
        share = 1 - math.exp((track.read - time) / constant)
        mixed = (1 - share) * track.expression.probabilities + share * raw.probabilities
        return Expression(raw.labels, mixed.astype(np.float32))

    def _decide(self, label: str, smoothed: Expression) -> str:
        threshold, margin = self.smoothing.threshold, self.smoothing.margin
        if label not in {UNCERTAIN, UNREADABLE}:
            own = float(smoothed.probabilities[smoothed.labels.index(label)])
            if own >= threshold - margin and smoothed.confidence - own <= margin:
                return label
        return smoothed.label if smoothed.confidence >= threshold else UNCERTAIN


def _middle(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2
