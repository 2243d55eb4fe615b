"""What looks after a run, with the run itself."""

import socket
import threading

import pytest

from ferlite import Classifier, Pipeline
from ferlite.device.outputs.base import Output
from ferlite.device.service import memory, upkeep
from ferlite.device.service.memory import MemoryGuard
from ferlite.device.service.periodic import Periodic
from ferlite.device.service.upkeep import Upkeep
from ferlite.errors import UsageError


@pytest.fixture(scope="module")
def classifier():
    return Classifier.load()


class Waits(Output):
    """Waits at each frame until something happened, so that a run lasts as long as it must and no longer."""

    def __init__(self, happened):
        self.happened, self.events = happened, []

    def write(self, result):
        assert self.happened.wait(30)

    def event(self, event):
        self.events.append(event.kind)


def test_a_process_that_holds_too_much_asks_for_the_end_once(caplog):
    stops, held = [], [100.0]
    guard = MemoryGuard(200, lambda: stops.append(held[0]), resident=lambda: held[0])
    for held[0] in (150.0, 200.0, 201.0, 300.0):
        guard.look()
    assert stops == [201.0]
    assert guard.exceeded
    assert caplog.messages == ["201 MB of memory are held, 200 are allowed: the run ends to be started again"]


def test_where_memory_is_not_told_the_guard_is_silent():
    guard = MemoryGuard(200, lambda: pytest.fail("was stopped"), resident=lambda: None)
    guard.look()
    assert not guard.exceeded


@pytest.mark.parametrize("most", [0, -5, float("nan")])
def test_a_limit_out_of_range_is_an_error(most):
    with pytest.raises(UsageError, match="max_memory"):
        MemoryGuard(most, lambda: None)


def test_a_limit_that_can_never_be_kept_is_an_error_and_no_endless_restart():
    with pytest.raises(UsageError, match="max_memory is 50 MB, but 120 are held before the first frame"):
        MemoryGuard(50, lambda: None, resident=lambda: 120.0)


def test_a_run_that_holds_too_much_ends_with_its_outputs_whole(classifier, monkeypatch):
    monkeypatch.setattr(memory, "PAUSE", 0.001)
    ended, held = threading.Event(), iter([100.0, 100.0, 300.0])

    def guarded(most, stop):
        def stop_and_say():
            stop()
            ended.set()

        return MemoryGuard(most, stop_and_say, resident=lambda: next(held, 300.0))

    monkeypatch.setattr(upkeep, "MemoryGuard", guarded)
    output = Waits(ended)
    with Pipeline.open("virtual:live=true", model=classifier, rate=100.0) as pipeline:
        with Upkeep(pipeline, max_memory=200) as looked_after:
            pipeline.run(output)
        assert looked_after.exit_code == 75
    assert output.events[-1] == "state"


def test_a_run_as_a_service_says_when_it_is_ready_and_when_it_ends(classifier, monkeypatch, tmp_path):
    heard = []
    happened = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "8000")  # so short that it is looked at every millisecond

        def listen():
            while "STOPPING=1" not in heard:
                heard.extend(systemd.recv(4096).decode().splitlines())
                if {"READY=1", "WATCHDOG=1"} <= set(heard):
                    happened.set()

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        with Pipeline.open("virtual:", model=classifier) as pipeline, Upkeep(pipeline) as looked_after:
            pipeline.run(Waits(happened), frames=3)
        listener.join(30)
    assert heard.count("READY=1") == 1
    assert heard[-1] == "STOPPING=1"
    assert looked_after.exit_code == 0


@pytest.mark.parametrize(("source", "looks"), [("virtual:live=true", True), ("virtual:", False)])
def test_heat_slows_live_sources_down_and_no_clips(classifier, monkeypatch, source, looks):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with Pipeline.open(source, model=classifier) as pipeline, Upkeep(pipeline):
        names = {thread.name for thread in threading.enumerate()}
    assert ("heat" in names) == looks
    assert "watchdog" not in names


def test_a_look_that_fails_is_logged_and_not_repeated(caplog):
    looked = []

    def look():
        looked.append(1)
        raise ZeroDivisionError

    periodic = Periodic(look, 0.001, "broken")
    periodic._thread.join(30)
    periodic.close()
    assert looked == [1]
    assert "'broken' ended by a defect" in caplog.text
