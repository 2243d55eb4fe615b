"""What is published to a real broker, and when."""

import re
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from ferlite import FaceEvent, OutputError, Pipeline, StateEvent, UsageError
from ferlite.device.outputs.mqtt import Mqtt, remove
from ferlite.device.state import OutputState, RateLimit, State
from ferlite.tools.mosquitto import Listener

PAUSES = (0.05,)
TOPICS = ("availability", "camera", "state", "health")


@dataclass
class Kiosk:
    """Stands for a pipeline: has the state that it is given, and a classifier."""

    state: State = field(default_factory=lambda: State("running", rate=15.0))
    outputs: tuple[OutputState, ...] = ()

    @property
    def classifier(self) -> Any:
        return self

    @property
    def record(self):
        return self

    name = "tiny"
    labels = ("happy", "sad")


def appeared(number, label="happy", kind: Any = "appeared"):
    return FaceEvent(kind, number, label, 0.9, time.monotonic(), 1_770_000_000.0 + number, 0.3, (0, 0, 40, 40))


@pytest.fixture
def broker(mosquitto):
    return mosquitto.start()


@pytest.fixture
def listener(broker):
    with Listener(broker.port) as listening:
        yield listening


@pytest.fixture
def mqtt(broker, listener, own_id):
    with Mqtt(Kiosk(), f"mqtt://127.0.0.1:{broker.port}", pauses=PAUSES) as output:
        listener.wait(lambda: listener.of("/availability") == ["online"])
        yield output


def test_a_broker_gets_what_is_so_and_what_happens(mqtt, listener, own_id):
    mqtt.event(appeared(1))
    mqtt.event(appeared(2, "sad"))
    listener.wait(lambda: {"people": 2, "label": "happy"} in listener.of("/state"))
    first, second = listener.of("/event")
    assert {name: first[name] for name in ("event_type", "track_id", "label", "lasted")} == {
        "event_type": "appeared",
        "track_id": 1,
        "label": "happy",
        "lasted": 0.3,
    }
    assert first["time"].startswith("2026-02-")
    assert re.fullmatch("[0-9a-f]{32}", first["id"])
    assert first["id"] != second["id"]
    assert listener.of("/camera") == [{"state": "running", "reason": ""}]
    health = listener.of("/health")[0]
    assert (health["rate"], health["problem"], health["events_lost"]) == (15.0, "", 0)
    (config,) = listener.of(f"homeassistant/device/{own_id}/config")
    assert list(config["components"]) == ["people", "label", "event", "camera", "rate", "temperature", "problem"]
    assert config["components"]["label"]["options"] == ["happy", "sad", "uncertain", "unreadable", "nobody"]
    assert {name.partition(own_id)[0] for name, _, _ in listener.messages} == {"ferlite/", "homeassistant/device/"}


def test_what_is_so_is_retained_and_what_happens_is_not(mqtt, broker, listener):
    mqtt.event(appeared(1))
    listener.wait(lambda: {"people": 1, "label": "happy"} in listener.of("/state"))
    listener.wait(lambda: listener.of("/event"))
    with Listener(broker.port) as later:
        later.wait(lambda: len(later.messages) == 5)
        later.publish("end", "")  # what comes behind all that was retained
        later.wait(lambda: later.of("end"))
        names = {name.rpartition("/")[2] for name, _, retained in later.messages if retained}
    assert names == {"config", *TOPICS}


def test_a_state_that_stays_is_sent_once_and_one_that_flickers_once_a_second(mqtt, listener):
    begun = time.monotonic()
    for _ in range(50):
        for label in ("happy", "sad"):
            mqtt.event(appeared(1, label, "changed"))
    listener.wait(lambda: listener.of("/state")[-1] == {"people": 1, "label": "sad"})
    listener.wait(lambda: len(listener.of("/event")) == 100)
    assert len(listener.of("/state")) <= 2 + (time.monotonic() - begun)


def test_a_lost_camera_is_published_at_once(mqtt, listener):
    lost = State("reopening", reason="the camera was unplugged")
    mqtt._pipeline.state = lost
    mqtt.event(StateEvent(lost, 0.0, 0.0, "running", 1.0))
    expected = {"state": "reopening", "reason": "the camera was unplugged"}
    listener.wait(lambda: listener.of("/camera")[-1] == expected)
    listener.wait(lambda: listener.of("/health")[-1]["problem"] == "camera reopening: the camera was unplugged")


def test_what_limits_the_rate_is_published_as_a_problem(mqtt, listener):
    mqtt._pipeline.state = State("running", rate=2.0, limit=RateLimit(2.0, "76 °C"))
    listener.wait(lambda: listener.of("/health")[-1]["problem"] == "at most 2.0 frames a second: 76 °C")


def test_the_rate_of_a_first_frame_is_not_shown_for_a_minute(broker, listener, own_id):
    kiosk, now = Kiosk(State("running", rate=0.9)), [0.0]
    with Mqtt(kiosk, f"mqtt://127.0.0.1:{broker.port}", clock=lambda: now[0]):
        listener.wait(lambda: listener.of("/health"))
        kiosk.state, now[0] = State("running", rate=15.0), 6.0
        listener.wait(lambda: listener.of("/health")[-1]["rate"] == 15.0)
    assert [health["rate"] for health in listener.of("/health")] == [0.9, 15.0]


def test_home_assistant_that_starts_gets_all_again(mqtt, listener):
    before = len(listener.of("/config"))
    listener.publish("homeassistant/status", "online")
    listener.wait(lambda: len(listener.of("/config")) == before + 1)
    for topic in TOPICS:
        listener.wait(lambda topic=topic: len(listener.of(f"/{topic}")) >= 2)


def test_who_closes_says_so_and_delivers_before(broker, listener, own_id):
    with Mqtt(Kiosk(), f"mqtt://127.0.0.1:{broker.port}") as output:
        for number in range(100):
            output.event(appeared(number))
    assert output.states[0].dropped == 0
    listener.wait(lambda: listener.of("/availability")[-1:] == ["offline"])
    assert [event["track_id"] for event in listener.of("/event")] == list(range(100))
    assert listener.messages[-1][0].endswith("/availability")


def test_remove_leaves_nothing_retained(mqtt, broker, own_id):
    mqtt.close()
    address = f"mqtt://127.0.0.1:{broker.port}"
    assert len(remove(address)) == 5
    with Listener(broker.port) as later:
        later.publish("end", "")
        later.wait(lambda: later.messages)
        assert later.messages == [("end", "", False)]


def test_remove_says_why_it_can_not(mosquitto, own_id):
    with pytest.raises(OutputError, match="nobody listens there"):
        remove(f"mqtt://127.0.0.1:{mosquitto.port}")


def test_remove_makes_no_id_to_clear_what_nobody_left(monkeypatch, tmp_path):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="name the device: --mqtt-id ID"):
        remove("mqtt://127.0.0.1:1")
    assert not list(tmp_path.iterdir())


def test_without_a_prefix_home_assistant_hears_nothing(broker, listener, own_id):
    with Mqtt(Kiosk(), f"mqtt://127.0.0.1:{broker.port}", discovery=""):
        listener.wait(lambda: listener.of("/availability") == ["online"])
    assert listener.of("/config") == []


def test_a_pipeline_publishes_who_is_there(broker, listener, own_id):
    with Pipeline.open("virtual:frames=20") as pipeline:
        with Mqtt(pipeline, f"mqtt://127.0.0.1:{broker.port}") as output:
            pipeline.run(output)
        assert output.states == (OutputState(f"mqtt://127.0.0.1:{broker.port}"),)
    listener.wait(lambda: listener.of("/availability")[-1:] == ["offline"])
    assert [event["event_type"] for event in listener.of("/event")][:1] == ["appeared"]
    assert listener.of("/state")[-1] == {"people": 0, "label": "nobody"}
