"""Who is there, calmly: how many people were announced and have not left, and the label of the nearest."""

from __future__ import annotations

import math

from ..event_types import FaceEvent
from ..types import FrameResult

NOBODY = "nobody"
"""The label where nobody is there."""

_BURST, _EVERY, _LEAST = 15, 36.0, 1.0  # labels at once; seconds for one more; seconds between two
_NEARER = 1.3  # times the area of the face that was nearest, from which on another one is


class Presence:
    """Follows results and their events.

    People are counted by their events, which flicker less than the faces of single frames: a face must be seen in
    a few frames to appear, and be out of sight for a second to leave. But where a face is lost and found as another,
    the new one appears before the old one leaves: so there are never more people than were seen at once. Of two people
    about as near the one stays the nearest who was, and so does who is hidden for a moment.

    Attributes:
        people: How many are there.
        label: Label of the nearest; `NOBODY` without one.
    """

    def __init__(self) -> None:
        self.people = 0
        self._labels: dict[int, str] = {}  # of who appeared and has not left, by track id
        self._visible: set[int] = set()  # in the last frame
        self._nearest: int | None = None
        self._area = 0.0  # of the nearest, when it was seen last

    @property
    def label(self) -> str:
        """Label of the nearest; `NOBODY` without one."""
        nearest = self._nearest if self._nearest in self._labels else next(iter(self._labels), None)
        return NOBODY if nearest is None else self._labels[nearest]

    def saw(self, result: FrameResult) -> None:
        """Find out who is in sight, and who is nearest."""
        self._visible = {face.track_id for face in result.faces}
        self._count()
        areas = {face.track_id: face.area for face in result.faces if face.track_id in self._labels}
        self._area = areas.get(self._nearest or 0, self._area)
        if areas:
            largest = max(areas, key=lambda number: areas[number])
            if self._nearest not in self._labels or areas[largest] > _NEARER * self._area:
                self._nearest, self._area = largest, areas[largest]

    def happened(self, event: FaceEvent) -> None:
        """Note who comes, changes and leaves."""
        if event.kind == "left":
            self._labels.pop(event.track_id, None)
        else:
            self._labels[event.track_id] = event.label
            self._visible.add(event.track_id)
        self._count()

    def _count(self) -> None:
        seen = len(self._labels.keys() & self._visible)
        self.people = min(max(self.people, seen), len(self._labels))


class Pace:
    """Lets labels through at once while they change rarely, and at most 120 in any hour.

    Whatever keeps a history, as Home Assistant does, would else get a row for each twitch of a lively face.

    Args:
        now: Seconds, on any clock that goes on.
    """

    def __init__(self, now: float) -> None:
        self._left, self._then, self._last = float(_BURST), now, -math.inf

    def allows(self, now: float) -> bool:
        """Return whether a label may be published now, and count it if so."""
        self._left = min(self._left + (now - self._then) / _EVERY, _BURST)
        self._then = now
        if self._left < 1 or now - self._last < _LEAST:
            return False
        self._left -= 1
        self._last = now
        return True
