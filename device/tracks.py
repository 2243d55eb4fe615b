"""Faces over time: track each face from frame to frame and smooth its expression, so that labels don't flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import check_range, unknown
from .faces.boxes import iou
from .types import UNCERTAIN, UNREADABLE, Box, Expression, Face, Reading, TrackedFace


@dataclass(frozen=True)
class Smoothing:
    """How expressions are smoothed over time and when a face gets a label.

    Attributes:
        time_constant: Seconds, 0 to 3600, in which the smoothed probabilities go 63 % of the way to new
            ones, at any frame rate; 0 switches smoothing off.
        threshold: Smoothed probability, 0 to 1, from which on a face gets a label; below, it is
            `uncertain`.
        margin: Hysteresis, 0 to 1: a label stays until its probability falls this far below the threshold
            or this far behind another label's.
        hold: Seconds, 0 to 3600, for which a label outlives the last frame in which its face was readable.
        keep: Seconds, 0 to 3600, for which a face may be out of sight and keep its number. Time between two
            frames in which nobody looked, 10 s at most, counts only where the face is missing after it.
        iou: Least intersection over union, 0 to 1, of a face's box and the box where its track was last
            seen or is expected.

    Raises:
        UsageError: A value lies outside its range.
    """

    time_constant: float = 0.4
    threshold: float = 0.4
    margin: float = 0.25
    hold: float = 0.5
    keep: float = 1.0
    iou: float = 0.2

    def __post_init__(self) -> None:
        for name in ("time_constant", "hold", "keep"):
            check_range(f"Smoothing.{name}", getattr(self, name), 0, 3600, "seconds")
        for name in ("threshold", "margin", "iou"):
            check_range(f"Smoothing.{name}", getattr(self, name), 0, 1)

    @classmethod
    def named(cls, name: str) -> Smoothing:
        """Return the smoothing of a name in `PRESETS`.

        Raises:
            UnknownNameError: There is none.
        """
        if name not in PRESETS:
            raise unknown("smoothing", name, PRESETS)
        return PRESETS[name]


PRESETS = {
    "quick": Smoothing(time_constant=0.15, margin=0.2),
    "calm": Smoothing(),
    "steady": Smoothing(time_constant=1.2, hold=1.0),
}
"""Settings by what they are for: an answer at once, labels that people read, counts and automations.

Their values were chosen by `ferlite bench events`.
"""


_VELOCITY_CONSTANT = 0.3  # seconds
JITTER = 0.1
"""Seconds by which a frame's time may lie before the last one's without being a new beginning."""
_GAP = 10.0
"""Seconds between two frames after which a face in the same place counts as somebody else's. A callback that asks a web
service takes less; in more, people change places."""


@dataclass
class _Smoothed:
    """What one model says of a face, over time."""

    label: str = UNREADABLE
    expression: Expression | None = None
    read: float = -math.inf

    def take(self, raw: Expression | None, time: float, smoothing: Smoothing) -> Reading:
        """Take in what the model says now; None where the face can't be read."""
        if raw is not None:
            self.expression = self._mixed(raw, time, smoothing.time_constant)
            self.label, self.read = self._decided(self.expression, smoothing), time
        elif time - self.read > smoothing.hold:
            self.label, self.expression = UNREADABLE, None
        return Reading(raw, self.expression, self.label)

    def _mixed(self, raw: Expression, time: float, constant: float) -> Expression:
        if self.expression is None or constant <= 0:
            return raw
        # Not below zero: within the jitter, the last reading may be from a later time.
        share = -math.expm1(-max(0.0, time - self.read) / constant)
        mixed = (1 - share) * self.expression.probabilities + share * raw.probabilities
        return Expression(raw.labels, mixed.astype(np.float32))

    def _decided(self, smoothed: Expression, smoothing: Smoothing) -> str:
        threshold, margin = smoothing.threshold, smoothing.margin
        if self.label not in {UNCERTAIN, UNREADABLE}:
            own = float(smoothed.probabilities[smoothed.labels.index(self.label)])
            if own >= threshold - margin and smoothed.confidence - own <= margin:
                return self.label
        return smoothed.label if smoothed.confidence >= threshold else UNCERTAIN


@dataclass
class _Track:
    number: int
    face: Face
    seen: float
    models: dict[str, _Smoothed]
    velocity: tuple[float, float] = (0.0, 0.0)  # pixels a second

    def expected(self, time: float) -> Box:
        """Extrapolate the box to a later time at the track's velocity."""
        elapsed, (x, y, width, height) = time - self.seen, self.face.box
        return x + self.velocity[0] * elapsed, y + self.velocity[1] * elapsed, width, height

    def see(self, face: Face, time: float) -> None:
        """Update box and velocity with the face of a new frame."""
        elapsed = time - self.seen
        if elapsed > 0:
            share = -math.expm1(-elapsed / _VELOCITY_CONSTANT)
            moved = (_middle(face.box)[axis] - _middle(self.face.box)[axis] for axis in (0, 1))
            x, y = (v + share * (way / elapsed - v) for v, way in zip(self.velocity, moved, strict=True))
            self.velocity = x, y
        self.face, self.seen = face, time


class Tracker:
    """Numbers faces consistently from frame to frame and smooths each face's expression.

    Attributes:
        smoothing: The settings.

    Args:
        models: Names of the models that read the faces, the first one's label being the face's own.
        smoothing: The settings; `Smoothing()` if None.
    """

    def __init__(self, models: Sequence[str], smoothing: Smoothing | None = None):
        self.smoothing = smoothing or Smoothing()
        self._models = tuple(models)
        self._tracks: list[_Track] = []
        self._next = 1
        self._time = math.nan  # of the last frame

    def update(
        self, faces: Sequence[Face], readings: Sequence[Sequence[Expression] | str], time: float
    ) -> list[TrackedFace]:
        """Take in the faces of one frame.

        Args:
            faces: Faces of the frame.
            readings: Of each face the expression that each model reads, or why it can't be read.
            time: Time of the frame in seconds. When it goes back by more than 0.1 s, as where a clip
                starts again, the faces of the later frames are forgotten and get new numbers.

        Returns:
            The same faces in the same order with their history.
        """
        self._tracks = [t for t in self._tracks if -JITTER <= time - t.seen <= self._patience(t)]
        self._time = time
        matches = self._match(faces, time)
        result = []
        for place, (face, reading) in enumerate(zip(faces, readings, strict=True)):
            track = matches.get(place)
            if track is None:
                track = _Track(self._next, face, time, {name: _Smoothed() for name in self._models})
                self._next += 1
                self._tracks.append(track)
            track.see(face, time)
            why = reading if isinstance(reading, str) else ""
            raw: Sequence[Expression | None] = [None] * len(self._models) if isinstance(reading, str) else reading
            smoothed = {
                name: model.take(now, time, self.smoothing)
                for (name, model), now in zip(track.models.items(), raw, strict=True)
            }
            result.append(TrackedFace(track.number, face, smoothed, why))
        return result

    def forget(self) -> None:
        """Drop all tracks, as between unrelated pictures; their numbers are not used again."""
        self._tracks = []

    def _patience(self, track: _Track) -> float:
        """Return the seconds since a track was seen after which it is over."""
        keep = self.smoothing.keep
        # Whether a face of the last frame went away since then, only this one can show.
        return max(keep, _GAP) if track.seen == self._time else keep

    def _match(self, faces: Sequence[Face], time: float) -> dict[int, _Track]:
        """Assign tracks to faces greedily, largest overlap first.

        First by the box that each track's velocity predicts (Bewley et al. 2016), then, for what is left,
        by the box where the track was last seen: a face that moved may have stopped while out of sight.
        """
        matches: dict[int, _Track] = {}
        for box_of in (lambda track: track.expected(time), lambda track: track.face.box):
            taken = {track.number for track in matches.values()}
            free = [(track, box_of(track)) for track in self._tracks if track.number not in taken]
            pairs = [
                (iou(face.box, box), place, track)
                for place, face in enumerate(faces)
                if place not in matches
                for track, box in free
            ]
            for overlap, place, track in sorted(pairs, key=lambda pair: -pair[0]):
                if overlap >= self.smoothing.iou and place not in matches and track.number not in taken:
                    matches[place] = track
                    taken.add(track.number)
        return matches


def _middle(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2
