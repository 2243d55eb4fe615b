"""What becomes of events when their broker is killed: a trial against Mosquitto."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from ..device.event_types import FaceEvent
from ..device.outputs.base import Output
from ..device.outputs.mqtt import Mqtt
from ..device.pipeline import Pipeline
from ..device.sources.virtual import VirtualCamera
from .mosquitto import Listener, Mosquitto

SIGNALS = (signal.SIGKILL, signal.SIGTERM) * 5

_BURST = 30  # events that are published while the broker hangs, before it is ended
_RATE = 15.0  # frames a second
_PAUSES = (0.05,)
_LISTENER, _CAMERA = {"listener": "listens"}, {"camera": "publishes"}


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        sent: Events that were handed to the output.
        arrived: Different ones of them that arrived.
        counted: Events that the output counts as dropped.
        twice: After each outage: events that arrived and had arrived before it.
        ids: Different ids under which events arrived.
    """

    sent: int
    arrived: int
    counted: int
    twice: tuple[int, ...]
    ids: int

    @property
    def lost(self) -> int:
        """Events that did not arrive."""
        return self.sent - self.arrived


@dataclass(frozen=True)
class Rate:
    """How fast a pipeline was.

    Attributes:
        frames: Frames looked at in a second.
        dropped: Frames of the camera that were skipped.
        cpu: Processor time, in percent of one core.
    """

    frames: float
    dropped: int
    cpu: float


def kill(
    folder: Path, signals: Iterable[int] = SIGNALS, *, messages: int = 1000, backlog: int = 1000, spacing: float = 0.002
) -> Outcome:
    """End a broker by signals while events are published, and see what arrives.

    Before each signal the broker hangs, so that it is ended while as much as possible is unacknowledged. Events go on
    while it is away, for a quarter of the time to the next outage. The publisher is let in again when somebody has
    subscribed: what a broker acknowledges and has no subscriber for is not the publisher's loss.

    Args:
        folder: For the broker's files.
        signals: One for each outage.
        messages: How many events there are.
        backlog: See `Mqtt`.
        spacing: Seconds between two events.

    Raises:
        RuntimeMissingError: Mosquitto is not installed.
        TimeoutError: The last event does not arrive.
    """
    left = list(signals)
    share = messages // (len(left) + 1)
    heard: list[list[Any]] = []
    password = folder / "password"
    password.write_text(_CAMERA["camera"])
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder))
        listener = _started(broker)
        pipeline = stack.enter_context(Pipeline.open(None))
        address = f"mqtt://camera@127.0.0.1:{broker.port}"
        output = Mqtt(pipeline, address, password_file=password, id="trial", backlog=backlog, pauses=_PAUSES)
        stack.enter_context(output)
        for number in range(messages):
            if number and number % share == 0 and left:
                broker.resume()
                broker.stop(left.pop(0))
                listener.drain()
                heard.append(listener.of("/event"))
            elif not broker.running and number % share >= share // 4:
                listener = _started(broker)
            elif number % share == share - _BURST and left:
                broker.pause()
            output.event(FaceEvent("appeared", number, "happy", 0.9, 0.0, time.time(), 0.2, (0, 0, 40, 40)))
            time.sleep(spacing)
        if not broker.running:
            listener = _started(broker)
        listener.wait(lambda: any(event["track_id"] == messages - 1 for event in listener.of("/event")))
        heard.append(listener.of("/event"))
        listener.close()
        return _outcome(messages, output.states[0].dropped, heard)


def frame_rate(folder: Path, outages: Iterable[int] | None, *, seconds: float = 20.0) -> Rate:
    """Run a live pipeline that publishes, and end its broker by signals at even distances.

    Args:
        folder: For the broker's files.
        outages: A signal for each outage; no broker and no publishing at all if None.
        seconds: How long the pipeline runs.

    Raises:
        RuntimeMissingError: Mosquitto is not installed.
    """
    with ExitStack() as stack:
        camera = VirtualCamera(live=True, rate=_RATE, frames=round(seconds * _RATE))
        pipeline = stack.enter_context(Pipeline.open(camera))
        outputs: list[Output] = []
        ended = Event()
        if outages is not None:
            broker = stack.enter_context(Mosquitto(folder)).start()
            address = f"mqtt://127.0.0.1:{broker.port}"
            outputs.append(stack.enter_context(Mqtt(pipeline, address, id="trial", pauses=_PAUSES)))
            arguments = broker, list(outages), seconds, ended
            killer = Thread(target=_end_again_and_again, args=arguments)
            killer.start()
            stack.callback(killer.join)
            stack.callback(ended.set)
        begun, used = time.monotonic(), time.process_time()
        pipeline.run(*outputs)
        elapsed = time.monotonic() - begun
        cpu = 100 * (time.process_time() - used) / elapsed
        return Rate(pipeline.state.frames / elapsed, pipeline.state.dropped, cpu)


def _end_again_and_again(broker: Mosquitto, outages: list[int], seconds: float, ended: Event) -> None:
    for number in outages:
        if ended.wait(seconds / (len(outages) + 1) / 2):
            return
        broker.stop(number)
        if ended.wait(seconds / (len(outages) + 1) / 2):
            return
        broker.start()


def _started(broker: Mosquitto) -> Listener:
    broker.logins(**_LISTENER)
    broker.start()
    listener = Listener(broker.port, *next(iter(_LISTENER.items())))
    broker.logins(**_LISTENER, **_CAMERA)
    return listener


def _outcome(sent: int, counted: int, heard: list[list[Any]]) -> Outcome:
    numbers: set[int] = set()
    ids: set[str] = set()
    twice = []
    for events in heard:
        again = [event for event in events if event["track_id"] in numbers]
        twice.append(len(again))
        numbers |= {event["track_id"] for event in events}
        ids |= {event["id"] for event in events}
    return Outcome(sent, len(numbers), counted, tuple(twice[1:]), len(ids))
