"""What travels through the pipeline: frozen dataclasses with numpy arrays inside.

They compare by identity, and their `repr` shows the shape of an array, not its values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .event_types import Event, moment

Box = tuple[float, float, float, float]
"""x, y, width and height in pixels."""

UNCERTAIN = "uncertain"
"""The label of a face whose expression is not clear enough to name."""

UNREADABLE = "unreadable"
"""The label of a face that is not classified; `TrackedFace.unreadable` says why."""


class _Brief:
    """Shows arrays as dtype and shape."""

    def __repr__(self) -> str:
        values = ((each.name, getattr(self, each.name)) for each in fields(self))  # type: ignore[arg-type]
        shown = (
            f"{name}={value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else f"{name}={value!r}"
            for name, value in values
        )
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, eq=False, repr=False)
class Frame(_Brief):
    """One picture from a source.

    Attributes:
        image: uint8 [h, w, 3] BGR.
        index: Number of the frame in its source, from 0; a live source skips what it dropped.
        time: Seconds: since the start of a clip, or `time.monotonic()` of the capture for a live source.
        name: Name of the file, in a folder or of a picture.
        still: The frame stands by itself and continues none before it, as a photo does: no face is
            followed into it, and tilted heads are looked for to both sides.

    Raises:
        UsageError: `time` is not finite, or no number.
    """

    image: NDArray[np.uint8]
    index: int
    time: float
    name: str = ""
    still: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.time, Real) or not math.isfinite(self.time):
            raise UsageError(f"the time of a frame is {self.time!r}; it must be a finite number of seconds")
        object.__setattr__(self, "time", float(self.time))  # also of numpy's numbers, which are no JSON


@dataclass(frozen=True, eq=False, repr=False)
class Face(_Brief):
    """A face that was found.

    Attributes:
        box: x, y, width, height in pixels of the frame; may reach over its edge.
        score: Detector's score, 0 to 1.
        landmarks: float32 [5, 2], x and y in pixels: eyes, nose, mouth corners, each pair from the
            picture's left to its right.
    """

    box: Box
    score: float
    landmarks: NDArray[np.float32]

    @property
    def turn(self) -> float:
        """How far the head is turned: the nose's offset from the middle of the eyes, in eye distances.

        0 for a face seen from the front, positive where it looks to the right of the picture; roll does
        not count.
        """
        (left_x, left_y), (right_x, right_y), (nose_x, nose_y) = self.landmarks[:3].tolist()
        x, y = right_x - left_x, right_y - left_y
        off = (nose_x - (left_x + right_x) / 2) * x + (nose_y - (left_y + right_y) / 2) * y
        return off / max(x * x + y * y, 1e-6)

    @property
    def roll(self) -> float:
        """How far the head is tilted, in degrees from -180 to 180: positive clockwise in the picture."""
        (left_x, left_y), (right_x, right_y) = self.landmarks[:2].tolist()
        return math.degrees(math.atan2(right_y - left_y, right_x - left_x))


@dataclass(frozen=True, eq=False, repr=False)
class Expression:
    """What a classifier returns for one face.

    Attributes:
        labels: The model's labels.
        probabilities: float32 [n], in the order of `labels`, summing to 1.
    """

    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]

    @property
    def label(self) -> str:
        """The most probable label."""
        return self.labels[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """Probability of `label`, 0 to 1."""
        return float(self.probabilities.max())

    @property
    def scores(self) -> dict[str, float]:
        """Probabilities by label, as Python floats."""
        return dict(zip(self.labels, self.probabilities.tolist(), strict=True))

    def to_json(self) -> dict[str, float]:
        """Return `scores` rounded to four decimals."""
        return {label: round(score, 4) for label, score in self.scores.items()}

    def __repr__(self) -> str:
        return f"Expression({', '.join(f'{label}={score:.3f}' for label, score in self.scores.items())})"


@dataclass(frozen=True, eq=False, repr=False)
class Reading:
    """What one model says of a face, over time.

    Attributes:
        raw: Expression in this frame alone; None if the face can't be read.
        expression: Expression smoothed over time; None while `label` is `UNREADABLE`.
        label: Stable label, `UNCERTAIN` or `UNREADABLE`.
    """

    raw: Expression | None
    expression: Expression | None
    label: str

    @property
    def confidence(self) -> float:
        """Smoothed probability of the stable label; of the most probable one while uncertain; 0 if unreadable."""
        if self.expression is None:
            return 0.0
        if self.label == UNCERTAIN:
            return self.expression.confidence
        return float(self.expression.probabilities[self.expression.labels.index(self.label)])

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds of it."""
        return {
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "probabilities": self.expression and self.expression.to_json(),
            "raw": self.raw and self.raw.to_json(),
        }

    def __repr__(self) -> str:
        return f"Reading({self.label!r}, {self.confidence:.3f})"


@dataclass(frozen=True, eq=False, repr=False)
class TrackedFace(_Brief):
    """A face with its history.

    Attributes:
        track_id: Number that stays with this face from frame to frame; never used again.
        face: Where it is.
        readings: What each model says of it, by the model's name; the first one's is the face's own
            `label`, `confidence`, `expression` and `raw`.
        unreadable: Why it can't be read in this frame, for instance "too small"; empty if it can.
        area: Share of the frame that its box covers, 0 to 1.
        direction: Degrees to the right and up from the optical axis to the middle of its box; None unless
            the pipeline knows the field of view.
    """

    track_id: int
    face: Face
    readings: Mapping[str, Reading]
    unreadable: str = ""
    area: float = 0.0
    direction: tuple[float, float] | None = None

    @property
    def box(self) -> Box:
        """The box of `face`: x, y, width and height in pixels of the frame."""
        return self.face.box

    @property
    def landmarks(self) -> NDArray[np.float32]:
        """The landmarks of `face`: float32 [5, 2], x and y in pixels of the frame."""
        return self.face.landmarks

    @property
    def turn(self) -> float:
        """How far the head is turned; see `Face.turn`."""
        return self.face.turn

    @property
    def roll(self) -> float:
        """How far the head is tilted, in degrees; see `Face.roll`."""
        return self.face.roll

    @property
    def reading(self) -> Reading:
        """What the first model says."""
        return next(iter(self.readings.values()))

    @property
    def raw(self) -> Expression | None:
        """Expression in this frame alone; None if the face can't be read."""
        return self.reading.raw

    @property
    def expression(self) -> Expression | None:
        """Expression smoothed over time; None while `label` is `UNREADABLE`."""
        return self.reading.expression

    @property
    def label(self) -> str:
        """Stable label, `UNCERTAIN` or `UNREADABLE`."""
        return self.reading.label

    @property
    def confidence(self) -> float:
        """Smoothed probability of the label; see `Reading.confidence`."""
        return self.reading.confidence

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds of it."""
        values = {
            "id": self.track_id,
            "box": [round(v, 1) for v in self.box],
            "score": round(self.face.score, 3),
            **self.reading.to_json(),
            "unreadable": self.unreadable or None,
            "area": round(self.area, 4),
            "turn": round(self.turn, 3),
            "roll": round(self.roll, 1),
        }
        if self.direction is not None:
            values["direction"] = [round(degrees, 1) for degrees in self.direction]
        if len(self.readings) > 1:
            values["models"] = {name: reading.to_json() for name, reading in self.readings.items()}
        return values


@dataclass(frozen=True, eq=False, repr=False)
class FrameResult(_Brief):
    """What was seen in one frame.

    Attributes:
        frame: The frame. Nothing writes or sends its pixels unless an output that does was given.
        faces: Faces in it, nearest (largest) first.
        stages: Milliseconds by stage: detect, landmarks, classify, track.
        dropped: Frames of a live source that were skipped, so far.
        damaged: Frames of the source that did not decode, so far.
        reopened: How often the source was opened again after a stall or a loss, so far.
        wall: Seconds since the epoch: when a live source took the frame; of a clip, when it was looked at.
        events: What happened in it. What happens while no frame comes, as a lost camera and who left meanwhile, and
            at the end, reaches callbacks, `Pipeline.events` and outputs, but no result.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    stages: dict[str, float] = field(default_factory=dict)
    dropped: int = 0
    damaged: int = 0
    reopened: int = 0
    wall: float = 0.0
    events: tuple[Event, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds: no pixels."""
        named = {"name": self.frame.name} if self.frame.name else {}
        return {
            "frame": self.frame.index,
            **moment(self.frame.time, self.wall),
            **named,
            "faces": [face.to_json() for face in self.faces],
            "ms": {name: round(ms, 3) for name, ms in self.stages.items()},
            "dropped": self.dropped,
            "damaged": self.damaged,
            "reopened": self.reopened,
        }
