"""What a real Home Assistant makes of a device: its MQTT integration, an entity for each thing that is published.

FERLITE_HOME_ASSISTANT names the folder of a virtual environment of Python 3.13 with what `requirements.txt` lists;
`.ci/run home_assistant` makes it. The house is shared, because it takes seconds to start; each test has its own device.
"""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import pytest

import ferlite
from ferlite import FaceEvent, Mqtt, StateEvent
from ferlite.device.outputs.mqtt import remove
from ferlite.device.state import State
from ferlite.tools.mosquitto import Listener, Mosquitto

HOUSE = Path(__file__).with_name("house.py")
PAGE = Path(ferlite.__file__).with_name("docs") / "mqtt.md"
WITHIN = 2.0  # seconds after the device has connected
PAUSES = (0.05,)
UNAVAILABLE = "unavailable"
FACE = ("people", "nearest_face")
ALWAYS = ("last_event", "camera", "frames_a_second", "temperature", "problem")


class House:
    """A Home Assistant, with every state that each entity had."""

    broker: Mosquitto
    address: str

    def __init__(self, python, folder, port):
        (automations,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
        (folder / "automations.yaml").write_text(automations)
        line = [python, HOUSE, folder, str(port), folder / "automations.yaml"]
        self._process: Any = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._changed, self.rows = Condition(), []
        self._reader = Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            with self._changed:
                self.rows.append(json.loads(line))
                self._changed.notify_all()

    def of(self, name):
        """Every state that an entity had, by the end of its id."""
        return [row["state"] for row in self.rows if row["entity"].endswith(name)]

    def wait(self, true, seconds=20.0):
        with self._changed:
            lines = (f"{row['entity']}: {row['state']}" for row in self.rows)
            assert self._changed.wait_for(true, seconds), "\n".join(lines)

    def close(self):
        self._process.stdin.close()
        self._process.wait(30)
        self._reader.join()
        self._process.stdout.close()


class Device:
    """One device in the house."""

    output: Mqtt

    def __init__(self, house, name):
        self.house, self.name = house, name

    def of(self, entity):
        return self.house.of(f".{self.name}_{entity}")

    def shows(self, entity, state, seconds=20.0):
        """Wait until an entity has a state."""
        self.house.wait(lambda: self.of(entity)[-1:] == [state], seconds)

    @property
    def entities(self):
        return {row["entity"] for row in self.house.rows if f".{self.name}_" in row["entity"]}


class Clock:
    """Says what time it is."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Kiosk:
    """Stands for a pipeline: has the state that it is given, and a classifier."""

    state = State("running", rate=15.0)
    name = "tiny"
    labels = ("happy", "sad")

    @property
    def classifier(self):
        return self

    @property
    def record(self):
        return self


def event(number, kind: Any = "appeared", label="happy"):
    return FaceEvent(kind, number, label, 0.9, 0.0, time.time(), 0.2, (0, 0, 40, 40))


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    environment = os.environ.get("FERLITE_HOME_ASSISTANT")
    if not environment:
        pytest.skip("FERLITE_HOME_ASSISTANT is not set")
    with Mosquitto(tmp_path_factory.mktemp("broker")) as broker, Listener(broker.start().port) as listener:
        running = House(Path(environment) / "bin/python", tmp_path_factory.mktemp("house"), broker.port)
        running.broker, running.address = broker, f"mqtt://127.0.0.1:{broker.port}"
        try:
            listener.wait(lambda: listener.of("homeassistant/status") == ["online"], 120)
            yield running
        finally:
            running.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kiosk(monkeypatch):
    monkeypatch.setattr("ferlite.device.outputs.mqtt.celsius", lambda: 51.5)
    return Kiosk()


@pytest.fixture
def device(house, kiosk, clock, own_id, request):
    """A device that has connected; `device.output` is what publishes for it."""
    made = Device(house, getattr(request, "param", request.node.name[-20:].strip("_")))
    with (
        Listener(house.broker.port) as listener,
        Mqtt(kiosk, house.address, name=made.name, pauses=PAUSES, clock=clock) as made.output,
    ):
        listener.wait(lambda: listener.of(f"{own_id}/availability") == ["online"])
        yield made
    remove(house.address)


def test_every_entity_is_there_two_seconds_after_connecting(house, device):
    end = time.monotonic() + WITHIN
    known = {"people": "0", "nearest_face": "nobody", "camera": "on", "last_event": "unknown"}
    known |= {"frames_a_second": "15.0", "temperature": "51.5", "problem": "off"}
    for entity, state in known.items():
        device.shows(entity, state, end - time.monotonic())
    assert {name.partition(".")[0] for name in device.entities} == {"sensor", "binary_sensor", "event"}
    assert len(device.entities) == 7
    print("\n".join(sorted(device.entities)))


def test_what_happens_is_shown(house, device):
    device.shows("last_event", "unknown")
    device.output.event(event(1))
    device.shows("nearest_face", "happy")
    house.wait(lambda: device.of("last_event")[-1] != "unknown")
    shown = [row["attributes"] for row in house.rows if row["entity"] == f"event.{device.name}_last_event"][-1]
    assert (shown["event_type"], shown["track_id"], shown["label"]) == ("appeared", 1, "happy")
    device.output.event(event(1, "left"))
    device.shows("people", "0")
    device.shows("nearest_face", "nobody")


def test_a_lost_camera_makes_what_it_sees_unavailable_and_nothing_else(house, device, kiosk):
    device.shows("problem", "off")
    kiosk.state = State("reopening", reason="the camera was unplugged")
    device.output.event(StateEvent(kiosk.state, 0.0, 0.0, "running", 1.0))
    for entity in FACE:
        device.shows(entity, UNAVAILABLE)
    device.shows("camera", "off")
    device.shows("problem", "on")
    reasons = [row["attributes"] for row in house.rows if row["entity"] == f"binary_sensor.{device.name}_problem"]
    assert reasons[-1]["reason"] == "camera reopening: the camera was unplugged"
    for entity in ALWAYS:
        assert UNAVAILABLE not in device.of(entity)[1:], entity
    kiosk.state = Kiosk.state
    device.output.event(StateEvent(kiosk.state, 0.0, 0.0, "reopening", 1.0))
    device.shows("nearest_face", "nobody")
    device.shows("problem", "off")


@pytest.mark.parametrize("device", ["kiosk"], indirect=True)
def test_the_end_of_an_outage_replays_no_event_and_sets_off_nothing(house, device):
    """The automation on the page for MQTT acts on an event, and not where its entity becomes available again."""
    device.shows("last_event", "unknown")
    device.output.event(event(1))
    house.wait(lambda: house.of("acted") == ["Light for who comes"])
    (last,) = set(device.of("last_event")) - {"unknown", UNAVAILABLE}
    house.broker.stop()
    device.shows("last_event", UNAVAILABLE)
    house.broker.start()
    device.shows("last_event", last, 60)
    device.shows("nearest_face", "happy")
    assert house.of("acted") == ["Light for who comes"]
    device.output.event(event(2))
    house.wait(lambda: house.of("acted") == ["Light for who comes"] * 2)


def test_an_event_that_waited_for_long_is_not_shown(house, device, own_id):
    device.shows("last_event", "unknown")
    late = {"event_type": "appeared", "id": "1", "track_id": 1, "label": "happy"}
    with Listener(house.broker.port) as listener:
        for age in (60, 10, 0):
            listener.publish(f"ferlite/{own_id}/event", json.dumps({**late, "age": age}))
    house.wait(lambda: device.of("last_event")[-1] != "unknown")
    assert len(device.of("last_event")) == 3  # unavailable, unknown, the last one


def test_messages_that_say_the_same_make_no_rows(house, device, kiosk, clock, own_id):
    for entity in ALWAYS[2:]:
        house.wait(lambda entity=entity: len(device.of(entity)) >= 2)
    before = {entity: device.of(entity) for entity in (*FACE, *ALWAYS)}
    with Listener(house.broker.port) as listener:
        for beat in range(1, 3):
            kiosk.state = replace(Kiosk.state, frames=900 * beat)
            clock.now += 60
            listener.wait(lambda beat=beat: any(f'"frames":{900 * beat},' in text for _, text, _ in listener.messages))
    assert {entity: device.of(entity) for entity in before} == before


def test_a_killed_run_is_unavailable(house, own_id):
    device = Device(house, "killed")
    arguments = ["run", "virtual:live=true", "--output", "/dev/null", "--mqtt", house.address, "--mqtt-name", "killed"]
    with subprocess.Popen([sys.executable, "-c", "from ferlite.cli.app import main; main()", *arguments]) as run:
        device.shows("people", "1", 60)
        run.kill()
    for entity in (*FACE, *ALWAYS):
        device.shows(entity, UNAVAILABLE)


def test_removing_a_device_removes_its_entities(house, kiosk, own_id):
    device = Device(house, "removed")
    with Mqtt(kiosk, house.address, name="removed"):
        device.shows("people", "0")
    remove(house.address)
    for entity in (*FACE, *ALWAYS):
        device.shows(entity, None)
