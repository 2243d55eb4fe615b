"""Publishes what a pipeline sees by MQTT, for Home Assistant and everything else that listens to a broker."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TextIO

from ...errors import OutputError, UsageError, check_range
from ..classifier import Classifier
from ..event_types import Event, FaceEvent, moment
from ..kept import claimed, has_device_id
from ..sensors import celsius, throttle_reasons, throttled
from ..state import OutputState, State, Stateful
from ..types import FrameResult
from . import home_assistant
from .base import Output, closed
from .home_assistant import WATCHED
from .mqtt_broker import open_broker
from .mqtt_delivery import PAUSES, Delivery, Message
from .mqtt_topics import RETAINED, checked_id, discovery_topic, topics
from .presence import Pace, Presence

_PATIENCE = 10.0  # seconds to reach a broker whose messages are to be removed
_SETTLED = 5.0  # seconds from a change until what is measured is that of the new state


class Watched(Stateful, Protocol):
    """Has a state and a classifier, as a pipeline does."""

    @property
    def classifier(self) -> Classifier:
        """Names the labels."""
        ...


class Mqtt(Output):
    """Publishes who is there, what happens and how the device is doing.

        with Pipeline.open("picamera:0") as pipeline, Mqtt(pipeline, "mqtt://broker.local") as mqtt:
            pipeline.run(mqtt)

    Under `ferlite/ID/` are `availability`, `camera` and `state`, sent when they change, and `health`, once a minute,
    which the broker retains; and `event`, with a message for each event of a face. Nothing of it holds a picture.
    The pipeline never waits: a thread delivers, see `Delivery`; a broker that is away is tried again for ever.

    Args:
        pipeline: Whose results are written here.
        address: mqtt://[user@]host[:port], or mqtts:// for TLS.
        password_file: See `open_broker`.
        ca: See `open_broker`.
        discovery: Prefix under which Home Assistant looks for devices; empty to be no device of its.
        id: Names this device in topics and to the broker; the random one of this installation if None. No two
            devices, and no two runs at a time, may have the same.
        name: What Home Assistant calls the device; "ferlite ID" if None.
        heartbeat: Seconds between two messages on `health`.
        backlog: How many events may wait for the broker; of more the oldest is dropped.
        keepalive: Seconds of silence after which broker and client make sure of each other.
        pauses: Seconds before each further attempt to reach the broker; the last one is repeated.

    Raises:
        UsageError: The address is none or holds a password; an option lies outside its range.
        MissingFileError: A file can't be read.
        DataError: A file does not hold what it should.
        RuntimeMissingError: paho-mqtt is not installed.
        OutputError: Another run publishes under this id.
    """

    def __init__(
        self,
        pipeline: Watched,
        address: str,
        *,
        password_file: str | Path | None = None,
        ca: str | Path | None = None,
        discovery: str = "homeassistant",
        id: str | None = None,
        name: str | None = None,
        heartbeat: float = 60.0,
        backlog: int = 1000,
        keepalive: int = 30,
        pauses: Sequence[float] = PAUSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_range("heartbeat", heartbeat, 1, unit="seconds")
        check_range("backlog", backlog, 1, unit="events", whole=True)
        check_range("keepalive", keepalive, 1, 65535, unit="seconds", whole=True)
        check_range("the least of pauses", min(pauses, default=-1.0), 0, unit="seconds")
        broker = open_broker(address, password_file=password_file, ca=ca)
        id = checked_id(id)
        self.name = broker.name
        self._pipeline, self._clock, self._heartbeat = pipeline, clock, heartbeat
        self._topics = topics(id)
        self._presence = Presence()
        self._seen = self._shown = 0, self._presence.label
        self._pace = Pace(clock())
        self._health, self._reason = "", ([""], False)
        self._next_beat = clock()
        self._introduction: list[Message] = []
        if discovery:
            model, name = pipeline.classifier.record.name, name or f"ferlite {id}"
            device = home_assistant.discovery(
                id, name, model, pipeline.classifier.labels, self._topics, heartbeat=heartbeat
            )
            self._introduction.append(Message(discovery_topic(discovery, id), _json(**device)))
        self._delivery = Delivery(
            broker,
            f"ferlite-{id}",
            self._current,
            farewell=Message(self._topics["availability"], "offline"),
            refresh=f"{discovery}/status" if discovery else "",
            backlog=backlog,
            keepalive=keepalive,
            pauses=pauses,
        )
        self._claim, self._closed = _claimed(id), False
        self._delivery.start()

    @property
    def states(self) -> tuple[OutputState, ...]:
        """How many events were dropped, and what is wrong with the broker."""
        return (OutputState(self.name, self._delivery.dropped, self._delivery.problem),)

    def write(self, result: FrameResult) -> None:
        """Note who is nearest.

        Raises:
            OutputError: This was closed.
        """
        self._refuse_if_closed()
        self._presence.saw(result)
        self._note()

    def event(self, event: Event) -> None:
        """Note who is there, and let an event of a face wait for the broker.

        Raises:
            OutputError: This was closed.
        """
        self._refuse_if_closed()
        if isinstance(event, FaceEvent):
            self._presence.happened(event)
            self._delivery.put(self._message(event))
            self._note()
        else:
            self._delivery.wake()

    def close(self) -> None:
        """Deliver what waits, for 0.7 seconds at most, and say that nobody publishes here any more."""
        self._closed = True
        self._delivery.close()
        if self._claim is not None:
            self._claim.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise closed(self.name)

    def _note(self) -> None:
        seen = self._presence.people, self._presence.label
        if seen != self._seen:
            self._seen = seen
            self._delivery.wake()

    def _message(self, event: FaceEvent) -> Callable[[], Message]:
        """Return what makes the message of an event: the same each time but for its age."""
        happened = self._clock()
        values = {
            "event_type": event.kind,
            "id": uuid.uuid4().hex,
            "time": moment(event.time, event.wall)["wall"],
            "track_id": event.track_id,
            "label": event.label,
            "confidence": round(event.confidence, 4),
            "lasted": round(event.lasted, 2),
            **({"previous": event.previous} if event.previous else {}),
        }
        topic = self._topics["event"]
        return lambda: Message(topic, _json(**values, age=round(self._clock() - happened, 1)), retain=False)

    def _current(self) -> list[Message]:
        """Return what the broker should hold now; called in the delivery's thread."""
        state = self._pipeline.state
        now, reason = self._clock(), (_problems(state), state.rate > 0)
        changed = reason != self._reason
        if changed or now >= self._next_beat:
            # The rate is measured over a second: that of a first frame would else be shown until the next beat.
            self._next_beat = now + (min(_SETTLED, self._heartbeat) if changed else self._heartbeat)
            self._reason = reason
            self._health = self._measured(state)
        seen = self._seen
        if seen[0] != self._shown[0] or (seen != self._shown and self._pace.allows(now)):
            self._shown = seen
        people, label = self._shown
        return [
            *self._introduction,
            Message(self._topics["camera"], _json(state=state.name, reason=state.reason)),
            Message(self._topics["state"], _json(people=people, label=label)),
            # Retained, because Home Assistant subscribes some time after it was introduced.
            Message(self._topics["health"], self._health),
            Message(self._topics["availability"], "online"),
        ]

    def _measured(self, state: State) -> str:
        degrees = celsius()
        return _json(
            time=datetime.now().astimezone().isoformat(timespec="seconds"),
            rate=round(state.rate, 1),
            celsius=None if degrees is None else round(degrees, 1),
            problem="; ".join(_problems(state) + throttle_reasons(throttled())),
            frames=state.frames,
            dropped=state.dropped,
            damaged=state.damaged,
            reopened=state.reopened,
            events_lost=self._delivery.dropped,
        )


def remove(
    address: str,
    *,
    password_file: str | Path | None = None,
    ca: str | Path | None = None,
    discovery: str = "homeassistant",
    id: str | None = None,
) -> list[str]:
    """Clear everything that a device has left at a broker: Home Assistant forgets the device.

    Args:
        address: As of `Mqtt`, like all others.
        password_file: See `Mqtt`.
        ca: See `Mqtt`.
        discovery: See `Mqtt`.
        id: See `Mqtt`.

    Returns:
        The topics that are empty now.

    Raises:
        OutputError: The broker can't be reached, or refuses.
        UsageError: No id is given, and this user has never published. Or as of `Mqtt`, like all others.
        MissingFileError: A file can't be read.
        DataError: A file does not hold what it should.
        RuntimeMissingError: paho-mqtt is not installed.
    """
    broker = open_broker(address, password_file=password_file, ca=ca)
    if id is None and not has_device_id():
        # A new id would be made, and what nobody has left be cleared.
        raise UsageError(
            "this user has published nothing yet; name the device: --mqtt-id ID, "
            "which a service keeps in /var/lib/ferlite/id"
        )
    id = checked_id(id)
    cleared = [topics(id)[name] for name in RETAINED]
    if discovery:
        cleared.insert(0, discovery_topic(discovery, id))
    delivery = Delivery(broker, f"ferlite-{id}-remove", retry=False).start()
    try:
        for topic in cleared:
            delivery.put(lambda topic=topic: Message(topic, ""))
        if not delivery.flush(_PATIENCE):
            raise OutputError(delivery.problem or f"{broker.name} does not answer; check the address and the network")
    finally:
        delivery.close()
    return cleared


def _claimed(id: str) -> TextIO | None:
    try:
        return claimed(f"mqtt-{id}.lock")
    except OutputError:
        raise OutputError(
            f"another run publishes under the id {id!r} already, and two would throw each other off the broker; "
            "give each its own --mqtt-id"
        ) from None


def _problems(state: State) -> list[str]:
    camera = state.name not in (*WATCHED, "ended") and state.reason
    problems = [f"camera {state.name}: {camera}"] * bool(camera) + [str(state.limit)] * bool(state.limit)
    return problems + [each.problem for each in state.outputs if each.problem]


def _json(**values: Any) -> str:
    return json.dumps(values, separators=(",", ":"))
