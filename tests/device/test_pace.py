"""Fewer frames a second than the camera gives, in a time of the test's own: nothing here waits."""

import threading

import numpy as np
import pytest

from ferlite import Classifier, Pipeline
from ferlite.device.event_types import StateEvent
from ferlite.device.faces.finder import FaceFinder
from ferlite.device.recognizer import Recognizer
from ferlite.device.runner import Runner
from ferlite.device.service.heat import Heat
from ferlite.device.sources.base import TICK, Watched
from ferlite.device.state import RateLimit
from ferlite.device.types import Frame
from ferlite.errors import UsageError

RATE = 20.0  # frames a second of the camera
BLANK = np.zeros((64, 64, 3), np.uint8)


class Camera(Watched):
    """Gives its newest frame, on a clock that goes on only while somebody waits; ends after some seconds."""

    spec, live, newest_only, size = "camera", True, True, (64, 64)

    def __init__(self, seconds):
        self.now, self.pauses = 100.0, []
        self._end, self._last = self.now + seconds, int(self.now * RATE)

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def watch(self):
        while self.now < self._end:
            newest = int(self.now * RATE + 1e-6)
            if newest == self._last:
                self.now = (self._last + 1) / RATE
                continue
            self.dropped += newest - self._last - 1
            self._last = newest
            yield Frame(BLANK, newest, newest / RATE)

    def close(self):
        self._end = 0.0


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer([Classifier.load()], finder=FaceFinder())


@pytest.fixture
def paced(recognizer):
    def make(seconds, **options):
        camera = Camera(seconds)
        return camera, Runner(camera, recognizer, clock=lambda: camera.now, pause=camera.pause, **options)

    return make


def times(results):
    return [result.frame.time - 100 for result in results]


def test_no_more_frames_than_asked_for_are_looked_at_and_the_others_are_counted(paced):
    camera, pipeline = paced(10.0, max_rate=5.0)
    results, rates = [], []
    for result in pipeline:
        results.append(result)
        rates.append(pipeline.state.rate)
    assert len(results) == pytest.approx(50, abs=1)
    assert np.diff(times(results)).min() == pytest.approx(0.2)
    assert len(results) + results[-1].dropped == results[-1].frame.index - 2000
    assert max(camera.pauses) <= TICK
    assert rates[-1] == pytest.approx(5.0, rel=0.05)


def test_a_slow_pace_is_no_stall_and_nobody_leaves_for_it(paced):
    _, pipeline = paced(30.0, max_rate=0.5)
    states = [event.state.name for event in pipeline.events() if isinstance(event, StateEvent)]
    assert states == ["running", "ended"]


def test_the_frame_that_is_taken_is_the_newest(paced):
    camera, pipeline = paced(5.0, max_rate=3.0)
    ages = [camera.now - result.frame.time for result in pipeline]
    assert max(ages) <= 1 / RATE + 1e-9


def test_a_limit_that_comes_while_it_runs_holds_at_once_and_is_shown(paced):
    _, pipeline = paced(20.0, max_rate=10.0)
    seen = []
    for result in pipeline:
        seen.append(result)
        if len(seen) == 50:
            pipeline.limit(RateLimit(2.0, "the machine is at 76 °C"))
        if len(seen) == 60:
            assert pipeline.state.limit == RateLimit(2.0, "the machine is at 76 °C")
            assert pipeline.state.to_json()["limit"] == {"rate": 2.0, "reason": "the machine is at 76 °C"}
            pipeline.limit(None)
    gaps = np.diff(times(seen))
    assert gaps[:49] == pytest.approx(0.1)
    assert gaps[50:59] == pytest.approx(0.5)
    assert gaps[60:] == pytest.approx(0.1)
    assert pipeline.state.limit is None


def test_a_limit_above_the_users_own_changes_nothing(paced):
    _, pipeline = paced(5.0, max_rate=5.0)
    pipeline.limit(RateLimit(9.0, "heat"))
    assert np.diff(times(pipeline)) == pytest.approx(0.2)


def test_a_hot_machine_looks_at_fewer_frames_until_it_is_cool_again(paced):
    camera, pipeline = paced(1000.0)
    pipeline._recognizer = lambda frame: ((), {})  # what is seen does not matter, and takes long

    def celsius():
        return 80.0 if camera.now < 720 else 60.0

    heat, seen = Heat(pipeline, celsius=celsius, throttled=lambda: 0, clock=lambda: camera.now), []
    for result in pipeline:
        seen.append(result.frame.time)
        if len(seen) > 40:
            heat.look()

    def rate(start, end):
        return sum(start <= moment < end for moment in seen) / (end - start)

    assert [round(rate(start, start + 100), 1) for start in (120, 420)] == [10.0, 5.0]
    assert [round(rate(start, start + 40)) for start in (730, 790, 850)] == [2, 5, 10]
    assert round(rate(910, 1000)) == 20


def test_closing_ends_the_wait_for_a_frame_that_is_not_due_yet(recognizer):
    camera = Camera(1000.0)
    pipeline = Runner(camera, recognizer, max_rate=0.1, clock=lambda: camera.now)
    first = threading.Event()

    def read():
        for _ in pipeline:
            first.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert first.wait(10)
    pipeline.close()  # on this camera's clock the next frame would never be due
    reader.join(10)
    assert not reader.is_alive()


def test_every_frame_of_a_clip_is_looked_at_whatever_the_pace():
    with Pipeline.open("virtual:faces=0,frames=30", max_rate=0.1) as pipeline:
        assert len(list(pipeline)) == 30


@pytest.mark.parametrize("rate", [0, -1.0, 2000, float("nan"), "5"])
def test_a_pace_out_of_range_is_an_error(rate):
    with pytest.raises(UsageError, match="max_rate"):
        Pipeline.open("virtual:faces=0", max_rate=rate)
    with pytest.raises(UsageError, match=r"RateLimit\.rate"):
        RateLimit(rate, "heat")


def test_frames_of_ones_own_have_no_pace():
    with pytest.raises(UsageError, match="max_rate"):
        Pipeline.open(None, max_rate=5.0)
