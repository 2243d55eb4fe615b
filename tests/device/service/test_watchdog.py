"""What systemd hears of a pipeline, on a socket of the test's own and in a time of its own: nothing here waits."""

import os
import socket
import threading
from typing import Any

import numpy as np
import pytest

from ferlite import Classifier
from ferlite.device.faces.finder import FaceFinder
from ferlite.device.outputs.base import Output
from ferlite.device.recognizer import Recognizer
from ferlite.device.runner import Runner
from ferlite.device.service.notify import notify
from ferlite.device.service.watchdog import WATCHDOG, Watchdog, in_words
from ferlite.device.sources.base import Source, Watched
from ferlite.device.sources.recovery import Recovering
from ferlite.device.state import OutputState, RateLimit, State
from ferlite.device.types import Frame
from ferlite.errors import SourceError

BLANK = np.zeros((64, 64, 3), np.uint8)
USEC = {"WATCHDOG_USEC": "180000000"}


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path, monkeypatch):
    """A socket as systemd's; returns what came since it was asked last."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        path = str(tmp_path / "notify") if request.param == "path" else f"@ferlite-test-{os.getpid()}"
        channel.bind(path.replace("@", "\0"))
        channel.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", path)

        def heard():
            lines = []
            while True:
                try:
                    lines += channel.recv(4096).decode().splitlines()
                except BlockingIOError:
                    return lines

        yield heard


class Seen:
    """A pipeline whose state a test sets."""

    def __init__(self, **values: Any):
        self.now, self.state = 0.0, State("opening")
        self.said: list[tuple[float, str]] = []

    def be(self, name: Any = "running", **values: Any):
        self.state = State(name, **values)

    def notify(self, *messages):
        self.said += [(self.now, message) for message in messages]

    def watchdog(self, environment=USEC):
        return Watchdog(self, notify=self.notify, clock=lambda: self.now, environment=environment)

    def times(self, message):
        return [moment for moment, text in self.said if text == message]


def test_messages_reach_a_socket_by_its_path_and_by_an_abstract_name(systemd):
    notify("READY=1", "STATUS=all is well")
    assert systemd() == ["READY=1", "STATUS=all is well"]


def test_without_a_socket_nothing_is_said(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setattr(socket, "socket", None)
    notify("READY=1")


@pytest.mark.parametrize("address", ["/nowhere/notify", "@nobody-listens", "no path", "/" + "x" * 200])
def test_a_socket_that_is_gone_ends_nothing(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


def test_it_is_ready_after_the_first_frame_that_was_looked_at_and_only_once():
    seen = Seen()
    watchdog = seen.watchdog()
    watchdog.look()
    assert not seen.times("READY=1")
    for seen.now in range(1, 20):
        seen.be(frames=seen.now)
        watchdog.look()
    assert seen.times("READY=1") == [1]


def test_signs_of_life_come_at_most_every_half_of_the_period_and_in_time():
    seen = Seen()
    watchdog = seen.watchdog()
    for seen.now in range(600):
        seen.be(frames=seen.now + 1)
        watchdog.look()
    assert seen.times("WATCHDOG=1") == list(range(0, 600, 90))


def test_a_worker_that_hangs_gives_no_sign_of_life():
    seen = Seen()
    watchdog = seen.watchdog()
    for seen.now in range(1000):
        seen.be("stalled" if seen.now > 100 else "running", frames=min(seen.now + 1, 100))
        watchdog.look()
    assert seen.times("WATCHDOG=1") == [0, 90, 180]  # the last is for the frames from 90 to 100


def test_a_source_that_is_never_opened_again_gives_no_sign_of_life():
    seen = Seen()
    watchdog = seen.watchdog()
    for seen.now in range(1000):
        seen.be("reopening", frames=50, attempt=2, next_try=10.0)
        watchdog.look()
    assert seen.times("WATCHDOG=1") == [0]


@pytest.mark.parametrize(
    "environment",
    [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {**USEC, "WATCHDOG_PID": "1"}],
)
def test_no_sign_of_life_is_given_that_nobody_asked_this_process_for(environment):
    seen = Seen()
    watchdog = seen.watchdog(environment)
    for seen.now in range(300):
        seen.be(frames=seen.now + 1)
        watchdog.look()
    assert seen.times("READY=1") == [0]
    assert not seen.times("WATCHDOG=1")


def test_the_process_that_is_asked_for_signs_of_life_gives_them():
    seen = Seen()
    seen.be(frames=1)
    seen.watchdog({**USEC, "WATCHDOG_PID": str(os.getpid())}).look()
    assert seen.times("WATCHDOG=1") == [0]


def test_a_short_period_is_looked_at_more_often():
    seen = Seen()
    assert seen.watchdog({"WATCHDOG_USEC": "2000000"}).pause == 0.25
    assert seen.watchdog({}).pause == 1.0


def test_the_status_says_what_is_wrong_and_not_more_often_than_needed():
    seen = Seen()
    watchdog = seen.watchdog()
    for seen.now in range(60):
        seen.be(frames=seen.now + 1, rate=12.0 + seen.now)
        watchdog.look()
    statuses = [text for _, text in seen.said if text.startswith("STATUS=")]
    assert statuses[0] == "STATUS=running, 12 frames a second"
    assert len(statuses) == 12


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State("reopening", "usb:0: no frame", 3, next_try=5.0), "reopening, attempt 3: usb:0: no frame"),
        (State("opening"), "opening"),
        (State("running"), "running"),
        (State("running", "lost an hour ago", rate=9.6), "running, 10 frames a second"),
        (
            State("running", rate=2.0, limit=RateLimit(2.0, "the machine is at 76 °C")),
            "running, 2 frames a second; at most 2.0 frames a second: the machine is at 76 °C",
        ),
        (
            State("running", rate=5.0, outputs=(OutputState("a"), OutputState("b", 7, "b: the disk is full"))),
            "running, 5 frames a second; b: the disk is full (7 dropped)",
        ),
        (State("failed", "bad\nWATCHDOG=1\x1b[2J"), "failed: bad WATCHDOG=1 [2J"),
    ],
)
def test_a_state_in_words(state, words):
    assert in_words(state) == words


def test_a_long_reason_is_cut():
    assert len(in_words(State("failed", "x" * 5000))) == 300


def test_the_end_is_announced_once():
    seen = Seen()
    with seen.watchdog() as watchdog:
        pass
    watchdog.close()
    assert seen.times("STOPPING=1") == [0]


# The pipeline itself.


class Camera(Source):
    """Gives a frame every time it is asked, 15 a second on the test's clock; the tenth breaks off."""

    spec, live, newest_only, size = "camera", True, True, (64, 64)

    def __init__(self, clock, frames):
        self._clock, self._frames = clock, frames

    def __iter__(self):
        for index in range(self._frames):
            yield Frame(BLANK, index, self._clock())
        raise SourceError("unplugged")

    def close(self):
        pass


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer([Classifier.load()], finder=FaceFinder())


class Away:
    """A camera that can't be opened for some seconds, in a time that goes on while somebody waits for it."""

    def __init__(self, seconds, frames_before=0):
        self.now, self.back = 0.0, seconds
        self._frames_before = frames_before
        self.looks = []

    def open(self):
        if self._frames_before:
            frames, self._frames_before = self._frames_before, 0
            return Camera(lambda: self.now, frames)
        if self.now < self.back:
            raise SourceError("there is no such device")
        return Camera(lambda: self.now, 1)

    def wait(self, condition, ready, seconds):
        """Give the thread that opens all the time it needs, which takes none of the test's."""
        return condition.wait_for(ready, 30)

    def pause(self, seconds):
        self.now += seconds
        for look in self.looks:
            look()

    def recovering(self, **options):
        clock, wait, pause = (lambda: self.now), self.wait, self.pause
        return Recovering(self.open, "camera", clock=clock, wait=wait, pause=pause, chance=lambda: 0.0, **options)


def pings(away, runner, **options):
    """Run until the camera is back; return the messages with their times."""
    said = []
    watchdog = Watchdog(
        runner,
        notify=lambda *messages: said.extend((away.now, message) for message in messages),
        clock=lambda: away.now,
        environment=USEC,
    )
    away.looks.append(watchdog.look)
    for result in runner:
        watchdog.look()
        if result.frame.time >= away.back:
            break
    return said


def test_a_camera_that_is_away_for_ten_minutes_is_no_reason_to_start_again(recognizer):
    away = Away(600.0, frames_before=3)
    with Runner(away.recovering(), recognizer, clock=lambda: away.now) as runner:
        said = pings(away, runner)
    moments = [0.0, *(moment for moment, text in said if text == "WATCHDOG=1"), away.now]
    assert away.now >= 600
    assert min(np.diff(moments[1:-1])) >= 90 - 1e-6
    assert max(np.diff(moments)) < WATCHDOG


def test_a_camera_that_is_away_at_the_start_puts_the_end_of_the_start_off(recognizer):
    away = Away(600.0)
    with Runner(away.recovering(absent=True), recognizer, clock=lambda: away.now) as runner:
        said = pings(away, runner)
    extended = [moment for moment, text in said if text == "EXTEND_TIMEOUT_USEC=180000000"]
    assert max(np.diff([0.0, *extended, away.now])) < WATCHDOG
    ready = [moment for moment, text in said if text == "READY=1"]
    assert ready == [away.now]


def test_a_day_more_or_less_on_the_clock_of_the_wall_changes_nothing(recognizer, monkeypatch):
    def course(jump):
        away, wall = Away(300.0, frames_before=3), [1e9]
        away.looks.append(lambda: wall.__setitem__(0, 1e9 + jump * (away.now > 100)))
        monkeypatch.setattr("time.time", lambda: wall[0])
        with Runner(away.recovering(), recognizer, clock=lambda: away.now, wall=lambda: wall[0]) as runner:
            return pings(away, runner)

    assert course(0.0) == course(86400.0) == course(-86400.0)


class Steady(Watched):
    """Gives frames for ever."""

    spec, live, newest_only, size = "steady", True, True, (64, 64)

    def watch(self):
        index = 0
        while True:
            yield Frame(BLANK, index, index / 15)
            index += 1

    def close(self):
        pass


class Hanging(Output):
    """Hangs in its second result until it is let go."""

    def __init__(self):
        self.hangs, self.go, self.count = threading.Event(), threading.Event(), 0

    def write(self, result):
        self.count += 1
        if self.count == 2:
            self.hang()

    def hang(self, *what):
        self.hangs.set()
        self.go.wait(60)


@pytest.mark.parametrize("where", ["output", "callback", "native code"])
def test_wherever_the_worker_hangs_the_signs_of_life_stop(recognizer, systemd, where):
    hanging, now = Hanging(), [0.0]
    runner = Runner(Steady(), recognizer)
    if where == "callback":
        runner.when_state = hanging.hang
    elif where == "native code":

        def recognize(frame):
            if frame.index == 2:
                hanging.hang()
            return recognizer(frame)

        runner._recognizer = recognize  # type: ignore[assignment]
    outputs = [hanging] if where == "output" else []
    worker = threading.Thread(target=lambda: runner.run(*outputs, frames=5))
    worker.start()
    assert hanging.hangs.wait(30)
    watchdog = Watchdog(runner, clock=lambda: now[0], environment=USEC)
    for now[0] in range(1000):
        watchdog.look()
    hanging.go.set()
    worker.join(30)
    assert systemd().count("WATCHDOG=1") == 1  # for the frames before
    watchdog.look()
    assert "WATCHDOG=1" in systemd()
