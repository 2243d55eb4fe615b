"""What happens, to faces and to the pipeline itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from .state import State

FaceEventKind = Literal["appeared", "left", "changed", "held"]


@dataclass(frozen=True)
class FaceEvent:
    """Something that happened to a face.

    Attributes:
        kind: "appeared": it was seen in a few frames. "left": it is out of sight. "changed": it has another
            label. "held": it kept a label for as long as was asked for.
        track_id: The face's number.
        label: Its stable label now; the last one, where it left.
        confidence: Of this label.
        time: Seconds, on the clock of the frames.
        wall: Seconds since the epoch.
        lasted: Seconds: of the whole visit, where it left; of the label before, where the label changed; of this
            label, where it was held; since it was seen first, where it appeared.
        box: Where it was seen last: x, y, width and height in pixels.
        previous: The label before, where the label changed; empty otherwise.
    """

    kind: FaceEventKind
    track_id: int
    label: str
    confidence: float
    time: float
    wall: float
    lasted: float
    box: tuple[float, float, float, float]
    previous: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds."""
        values = {
            "event": self.kind,
            **moment(self.time, self.wall),
            "id": self.track_id,
            "label": self.label,
            "confidence": round(self.confidence, 4),
            "lasted": round(self.lasted, 2),
            "box": [round(v, 1) for v in self.box],
        }
        return values | ({"previous": self.previous} if self.previous else {})


@dataclass(frozen=True)
class StateEvent:
    """The pipeline's state changed, as where a camera is lost or gives frames again.

    Attributes:
        state: The state now.
        time: Seconds: `time.monotonic()`.
        wall: Seconds since the epoch.
        previous: Name of the state before.
        lasted: Seconds that it lasted.
        kind: "state", which tells this event from those of faces.
    """

    state: State
    time: float
    wall: float
    previous: str
    lasted: float
    kind: Literal["state"] = "state"

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds."""
        return {
            "event": self.kind,
            **moment(self.time, self.wall),
            "previous": self.previous,
            "lasted": round(self.lasted, 2),
            **self.state.to_json(),
        }


Event = FaceEvent | StateEvent
"""What `Pipeline.events` yields; `event.kind` tells them apart."""


def moment(time: float, wall: float) -> dict[str, Any]:
    """Return a time on the frames' clock, as seconds since the epoch, and in words with the offset of the place."""
    local = datetime.fromtimestamp(wall).astimezone()
    return {"time": round(time, 4), "unix": round(wall, 3), "wall": local.isoformat(timespec="milliseconds")}
