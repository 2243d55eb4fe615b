"""What travels through the pipeline: frozen, plain numpy inside, never changed after it was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""x, y, width and height in pixels."""

UNCERTAIN = "uncertain"
"""The label of a face whose expression is not clear enough to name."""

UNREADABLE = "unreadable"
"""The label of a face that the classifier is not shown; `TrackedFace.unreadable` says why."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture from a source.

    Attributes:
        image: uint8 [h, w, 3] BGR.
        index: Number of the frame in its source, from 0; a live source skips what it dropped.
        time: Seconds: since the start of a clip, or `time.monotonic()` of the capture for a live source.
        name: Name of the file, in a folder or of a picture.
        still: The frame stands by itself and continues none before it, as a photo does: no face is
            followed into it, and tilted heads are looked for to both sides.
    """

    image: NDArray[np.uint8]
    index: int
    time: float
    name: str = ""
    still: bool = False


@dataclass(frozen=True, eq=False)
class Face:
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


@dataclass(frozen=True, eq=False)
class Expression:
    """What a classifier says of one face.

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

    def to_json(self) -> dict[str, float]:
        """Return probabilities by label, to four decimals."""
        return {name: round(float(p), 4) for name, p in zip(self.labels, self.probabilities, strict=True)}


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face with its history.

    Attributes:
        track_id: Number that stays with this face from frame to frame; never used again.
        face: Where it is.
        raw: Expression of this frame alone; None if it can't be read.
        expression: Expression smoothed over time; None while `label` is `UNREADABLE`.
        label: Stable label, `UNCERTAIN` or `UNREADABLE`.
        unreadable: Why it can't be read in this frame, for instance "too small"; empty if it can.
    """

    track_id: int
    face: Face
    raw: Expression | None
    expression: Expression | None
    label: str
    unreadable: str = ""

    @property
    def confidence(self) -> float:
        """Smoothed probability of the stable label; of the most probable one while uncertain; 0 if unreadable."""
        if self.expression is None:
            return 0.0
        if self.label == UNCERTAIN:
            return self.expression.confidence
        return float(self.expression.probabilities[self.expression.labels.index(self.label)])


@dataclass(frozen=True, eq=False)
class FrameResult:
    """What was seen in one frame.

    Attributes:
        frame: The frame; it is never written or sent unless a sink was asked to.
        faces: Faces in it, nearest (largest) first.
        stages: Milliseconds by stage: detect, landmarks, classify, track.
        dropped: Frames that a live source gave and that were not looked at, so far.
        reopened: How often the source was opened again after a stall or a loss, so far.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    stages: dict[str, float] = field(default_factory=dict)
    dropped: int = 0
    reopened: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds: no pixels."""
        named = {"name": self.frame.name} if self.frame.name else {}
        return {
            "frame": self.frame.index,
            "time": round(self.frame.time, 4),
            **named,
            "faces": [
                {
                    "id": f.track_id,
                    "box": [round(v, 1) for v in f.face.box],
                    "score": round(f.face.score, 3),
                    "label": f.label,
                    "confidence": round(f.confidence, 4),
                    "probabilities": f.expression and f.expression.to_json(),
                    "raw": f.raw and f.raw.to_json(),
                    "unreadable": f.unreadable or None,
                }
                for f in self.faces
            ],
            "ms": {name: round(ms, 3) for name, ms in self.stages.items()},
            "dropped": self.dropped,
            "reopened": self.reopened,
        }
