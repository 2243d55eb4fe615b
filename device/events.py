"""What happens to faces, announced once: they appear, leave, change their label, hold one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import UsageError, check_range
from .event_types import FaceEvent, FaceEventKind
from .tracks import JITTER
from .types import UNREADABLE, TrackedFace

_LONGEST = 10.0  # seconds that a slow camera, or a slow callback, may put off that somebody has left


@dataclass(frozen=True)
class EventRules:
    """When something that happens to a face is an event.

    Attributes:
        confirm: In how many frames in a row a face must be seen before it is announced, 1 or more. Hands and double
            boxes last for one to three frames; `ferlite bench events` measures it.
        held: Seconds for which a label must be kept to be an event, by label; 0 announces it at once.
        cooldown: Seconds after which the same label of the same face may be `held` again, having been given
            up in between.

    Raises:
        UsageError: A value lies outside its range.
    """

    confirm: int = 4
    held: Mapping[str, float] = field(default_factory=dict)
    cooldown: float = 10.0

    def __post_init__(self) -> None:
        check_range("confirm", self.confirm, 1, unit="frames", whole=True)
        check_range("cooldown", self.cooldown, 0, unit="seconds")
        if not isinstance(self.held, Mapping):
            raise UsageError(f"held is {self.held!r}; it must be seconds by label, for instance {{'happy': 1.0}}")
        for label, seconds in self.held.items():
            check_range(f"held {label}", seconds, 0, unit="seconds")


@dataclass
class _Visit:
    """A face from where it was seen first to where it left."""

    face: TrackedFace
    first: float
    seen: float
    since: float  # when the label began
    frames: int = 0
    label: str = UNREADABLE
    confidence: float = 0.0
    read: bool = False  # in the last frame
    announced: bool = False
    held: bool = False  # the label's event was announced
    last_held: dict[str, float] = field(default_factory=dict)


class Events:
    """Finds events in the faces of one frame after another.

        events = Events(EventRules(held={"happy": 1.0}))
        for result in pipeline:
            for event in events.update(result.faces, result.frame.time, result.wall):
                print(event.kind, event.track_id, event.label)

    Every face that is announced leaves later: when it was out of sight for `keep` seconds, and at the end. While no
    frame comes that may take three times as long as frames lately took to come, if that is more. A number that
    comes back after that, as when a lost camera is found within seconds, appears again: it is a new visit. A face
    that can't be read for a while keeps its last label here.

    Args:
        rules: What an event is.
        keep: Seconds out of sight after which a face has left: `Smoothing.keep` of the tracker, which
            gives it another number then.
        clock: Gives seconds, to know how long no frame has come.
        wall: Gives the seconds since the epoch, for who leaves while no frame comes.
    """

    def __init__(
        self,
        rules: EventRules | None = None,
        *,
        keep: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.rules = rules or EventRules()
        self._keep, self._clock, self._wall = keep, clock, wall
        self._visits: dict[int, _Visit] = {}
        self._time, self._came = 0.0, clock()  # of the last frame: its time, and when it came
        self._interval = 0.0  # seconds between two frames, lately

    def update(self, faces: Sequence[TrackedFace], time: float, wall: float) -> list[FaceEvent]:
        """Take in the faces of a frame.

        Args:
            faces: Faces of the frame.
            time: Time of the frame in seconds.
            wall: The same as seconds since the epoch.
        """
        now = self._clock()
        self._interval = max(now - self._came, 0.9 * self._interval)
        self._time, self._came = time, now
        present = {face.track_id for face in faces}
        events = self._leaving(present, time, wall, self._keep)
        self._visits = {n: visit for n, visit in self._visits.items() if visit.announced or n in present}
        for face in faces:
            visit = self._visits.setdefault(face.track_id, _Visit(face, time, time, time))
            visit.face, visit.seen = face, time
            visit.frames += 1
            events += self._happened(visit, time, wall)
        return events

    def wait(self) -> list[FaceEvent]:
        """Return who has left by now, while no frame comes."""
        # Frames may keep another clock than this one: both go on at the same pace.
        keep = max(self._keep, min(3 * self._interval, _LONGEST))
        return self._leaving((), self._time + self._clock() - self._came, self._wall(), keep)

    def end(self) -> list[FaceEvent]:
        """Let everybody leave, as at the end of a clip."""
        ended, self._visits = self._visits, {}
        return [
            _event("left", visit, visit.seen, self._wall(), visit.seen - visit.first)
            for visit in ended.values()
            if visit.announced
        ]

    def _leaving(self, present: Iterable[int], time: float, wall: float, keep: float) -> list[FaceEvent]:
        events = []
        for number, visit in list(self._visits.items()):
            if number in present or -JITTER <= time - visit.seen <= keep:
                continue
            del self._visits[number]
            if visit.announced:
                events.append(_event("left", visit, time, wall, visit.seen - visit.first))
        return events

    def _happened(self, visit: _Visit, time: float, wall: float) -> list[FaceEvent]:
        events = []
        before, lasted = visit.label, time - visit.since
        label = visit.face.label
        if label != UNREADABLE:
            visit.confidence = visit.face.confidence
            if label != before or not visit.read:
                visit.label, visit.since, visit.held = label, time, False
        visit.read = label != UNREADABLE
        if not visit.announced and visit.frames >= self.rules.confirm:
            visit.announced = True
            events.append(_event("appeared", visit, time, wall, time - visit.first))
        elif visit.announced and visit.label != before:
            events.append(_event("changed", visit, time, wall, lasted, before))
        if visit.announced and self._is_held(visit, time):
            visit.held = True
            visit.last_held[visit.label] = time
            events.append(_event("held", visit, time, wall, time - visit.since))
        return events

    def _is_held(self, visit: _Visit, time: float) -> bool:
        needed = self.rules.held.get(visit.label)
        if needed is None or visit.held or not visit.read or time - visit.since < needed:
            return False
        return time - visit.last_held.get(visit.label, -math.inf) >= self.rules.cooldown


def _event(
    kind: FaceEventKind, visit: _Visit, time: float, wall: float, lasted: float, previous: str = ""
) -> FaceEvent:
    number, box = visit.face.track_id, visit.face.box
    return FaceEvent(kind, number, visit.label, visit.confidence, time, wall, lasted, box, previous)
