"""Sources that stall and break off, in a time of the test's own: nothing here waits."""

import io
import json
import threading
from typing import Any

import numpy as np
import pytest

from ferlite import Pipeline
from ferlite.cli.summary import Summary
from ferlite.device.outputs.json_lines import JsonLines
from ferlite.device.sources.base import Source
from ferlite.device.sources.newest import CaptureThread
from ferlite.device.sources.recovery import Recovering
from ferlite.device.types import Frame
from ferlite.errors import SourceError, UsageError

LOST = SourceError("cam broke off; check the cable")
HANG = "hang"


class Stage:
    """Time and sources that follow a script: each frame waited for lets the source do one step more.

    A script is a list of steps: the time of a frame; several times, of frames that come faster than
    they are looked at; an error to raise; or HANG.
    """

    def __init__(self, *scripts, live=True):
        self.scripts = list(scripts)
        self.live = live
        self.pauses = []
        self.opened = []
        self.open_now = threading.Event()
        self.finish = threading.Event()
        self.over = threading.Event()
        self.now = 0.0
        self._go, self._several = threading.Semaphore(0), threading.Semaphore(0)
        self._condition = threading.Condition()
        self._hung = self._busy = False
        self._paused = 0.0

    def recovering(self, chance: float = 0.0, **options: Any):
        options = {"pause": self.pause, "clock": lambda: self.now} | options
        return Recovering(self.open, "cam", wait=self.wait, chance=lambda: chance, **options)

    def open(self):
        if self._paused:
            self.pauses.append(round(self._paused, 6))
        self._paused, self._hung = 0.0, False
        script = self.scripts.pop(0)
        if script == HANG:
            self.step()
            self.hang()
            script = [0.0]
        if isinstance(script, Exception):
            raise script
        self.opened.append(Scripted(self, script))
        self.open_now.set()
        return self.opened[-1]

    def wait(self, condition, ready, seconds):
        self._condition = condition
        if not ready() and not self._hung:
            self._go.release()
        condition.wait_for(lambda: (ready() and not self._busy) or self._hung)
        if not ready():
            self.now += seconds
        return ready()

    def pause(self, seconds):
        self.now += seconds
        self._paused += seconds

    def give_several(self):
        """Let a source go on that nobody asks for frames; its next step is several."""
        self._go.release()
        self._several.acquire()

    def end_unseen(self):
        """Let a source hang or break off while nobody asks for frames."""
        self._go.release()
        assert self.over.wait(5)

    def step(self):
        self._go.acquire()

    def busy(self, state):
        self._busy = state
        if not state:
            self._several.release()
        with self._condition:
            self._condition.notify_all()

    def hang(self):
        self._hung = True
        self.over.set()
        with self._condition:
            self._condition.notify_all()
        self.finish.wait()


class Scripted(Source):
    size = (4, 3)
    spec = "cam"

    def __init__(self, stage, script):
        self.stage, self.script, self.closed = stage, script, threading.Event()
        self.live = stage.live

    def __iter__(self):
        index = 0
        for step in self.script:
            self.stage.step()
            if step == HANG:
                self.stage.hang()
                return
            if isinstance(step, Exception):
                self.stage.over.set()
                raise step
            several = isinstance(step, tuple)
            if several:
                self.stage.busy(True)
            for time in step if several else (step,):
                yield Frame(np.zeros((3, 4, 3), np.uint8), index, time)
                index += 1
            if several:
                self.stage.busy(False)

    def close(self):
        self.closed.set()


@pytest.fixture
def staged():
    stages = []

    def make(*scripts, **options):
        stages.append(Stage(*scripts, **options))
        return stages[-1]

    yield make
    for stage in stages:
        stage.finish.set()


def test_a_source_that_stalls_is_opened_again_and_numbered_on(staged, caplog):
    stage = staged([0.0, 0.1, HANG], [7.0, 7.1])
    source = stage.recovering(stall=3)
    frames = list(source)
    assert [(frame.index, frame.time) for frame in frames] == [(0, 0.0), (1, 0.1), (2, 7.0), (3, 7.1)]
    assert source.reopened == 1
    assert stage.opened[0].closed.is_set()
    assert [record.message for record in caplog.records] == [
        "cam: no frame for 3 s; opening it again in 1.0 s (attempt 1)",
        "cam gives frames again (reopened so far: 1)",
    ]


def test_a_source_that_breaks_off_is_opened_again_until_it_opens(staged, caplog):
    stage = staged([0.0, LOST], LOST, LOST, [9.0])
    source = stage.recovering()
    assert [frame.time for frame in source] == [0.0, 9.0]
    assert (source.reopened, stage.pauses) == (1, [1.0, 2.0, 4.0])
    assert "check the cable; opening it again in 4.0 s (attempt 3)" in caplog.text


@pytest.mark.parametrize(("chance", "first", "longest"), [(0.0, 1.0, 32.0), (1.0, 0.5, 16.0)])
def test_pauses_double_up_to_a_limit_and_vary_by_half(staged, chance, first, longest):
    stage = staged([0.0, LOST], *[LOST] * 40, [0.0])
    assert len(list(stage.recovering(chance))) == 2
    assert stage.pauses[:6] == [first * 2**n for n in range(6)]
    assert set(stage.pauses[5:]) == {longest}


def test_a_source_that_ran_well_is_opened_again_soon_but_a_flapping_one_is_not(staged):
    stage = staged([0.0, LOST], [5.0, 6.0, LOST], [7.0, 17.5, LOST], [18.0])
    assert len(list(stage.recovering())) == 6
    assert stage.pauses == [1.0, 2.0, 1.0]


def test_a_loss_is_an_error_where_opening_again_is_not_wanted(staged):
    stage = staged([0.0, LOST])
    source = stage.recovering(reopen=0)
    with pytest.raises(SourceError, match=r"check the cable$"):
        list(source)
    assert stage.pauses == []
    assert stage.opened[0].closed.is_set()


def test_it_gives_up_after_so_many_attempts_in_vain(staged):
    stage = staged([0.0, HANG], LOST, LOST, [0.0])
    with pytest.raises(SourceError, match="check the cable; gave up after attempt 2"):
        list(stage.recovering(reopen=2))
    assert len(stage.pauses) == 2


def test_what_does_not_open_at_first_is_an_error_at_once(staged):
    with pytest.raises(SourceError, match="check the cable"):
        staged(LOST).recovering()


def test_opening_that_hangs_is_an_error_and_closed_when_it_comes_to_an_end(staged):
    stage = staged(HANG)
    with pytest.raises(SourceError, match="cam does not open: no frame for 30 s"):
        stage.recovering()
    stage.finish.set()
    assert stage.open_now.wait(5)
    assert stage.opened[0].closed.wait(5)


def test_only_so_many_reads_hang_at_a_time(staged, caplog):
    stage = staged(*[[float(n), HANG] for n in range(6)])
    with pytest.raises(SourceError, match="4 reads hang in its driver; restart the program"):
        list(stage.recovering(reopen=4))
    assert len(stage.opened) == 4


def test_attempts_that_hanging_reads_forbid_are_not_counted_so_that_a_watchdog_sees_no_progress(staged, caplog):
    stage = staged(*[[float(n), HANG] for n in range(6)])
    attempts = []
    source = stage.recovering()
    for _ in source.watch():
        attempts.append(source.state.attempt)
        if stage.now > 400:
            break
    assert len(stage.opened) == 4
    assert attempts[-1] == 3
    assert "restart the program" in source.state.reason


def test_a_reader_that_stops_in_a_pause_goes_on_with_it(staged, caplog):
    stage = staged([0.0, LOST], [5.0])
    source = stage.recovering()
    assert next(iter(source)).time == 0.0
    for _ in range(4):
        reader = source.watch()
        for _ in range(3):
            next(reader)
        reader.close()
    assert [frame.time for frame in source] == [5.0]
    assert stage.pauses == [1.0]
    assert "attempt 1" in caplog.text
    assert "attempt 2" not in caplog.text
    assert (source.state.name, source.state.reason) == ("running", str(LOST))


def test_a_source_that_gave_up_stays_so(staged):
    stage = staged([0.0, LOST], [1.0])
    source = stage.recovering(reopen=0)
    for _ in range(2):
        with pytest.raises(SourceError, match="check the cable"):
            list(source)
    assert len(stage.opened) == 1


def test_closing_ends_the_pause(staged):
    stage = staged([0.0, LOST])
    source = stage.recovering(pause=lambda seconds: source.close())
    assert len(list(source)) == 1
    assert stage.scripts == []


def test_closing_a_source_that_hangs(staged, monkeypatch):
    stage = staged([0.0, HANG])
    source = stage.recovering()
    next(iter(source))
    monkeypatch.setattr(CaptureThread, "join", lambda capture, patience: None)
    source.close()
    source.close()
    assert list(source) == []
    assert stage.opened[0].closed.is_set()


def test_the_first_frame_after_a_pause_is_the_newest(staged):
    stage = staged([0.0, (1.0, 2.0)])
    source = stage.recovering()
    stage.give_several()
    assert [(frame.index, frame.time) for frame in source] == [(2, 2.0)]
    assert source.dropped == 2


@pytest.mark.parametrize("end", [HANG, LOST])
def test_a_frame_older_than_a_stall_is_dropped_and_the_source_opened_again(staged, end):
    stage = staged([0.0, end], [7.0])
    source = stage.recovering(stall=1)
    stage.end_unseen()
    stage.now = 3.0
    first = next(iter(source))
    assert (first.index, first.time) == (0, 7.0)
    assert (source.reopened, source.dropped) == (1, 1)


def test_a_frame_younger_than_a_stall_is_handed_out_before_the_loss(staged):
    stage = staged([0.0, LOST], [7.0])
    source = stage.recovering(stall=1)
    stage.end_unseen()
    stage.now = 0.9
    assert [frame.time for frame in source] == [0.0, 7.0]


def test_frames_that_were_not_looked_at_are_counted_across_losses(staged):
    stage = staged([(0.0, 0.1, 0.2), LOST], [(1.0, 1.1)])
    source = stage.recovering()
    assert [frame.index for frame in source] == [2, 4]
    assert source.dropped == 3


def test_a_clip_behind_an_address_loses_no_frame_and_is_not_begun_again(staged):
    stage = staged([0.0, 0.1, 0.2, LOST], [0.0], live=False)
    frames = []
    with pytest.raises(SourceError, match="check the cable"):
        frames.extend(stage.recovering())
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert len(stage.scripts) == 1


@pytest.mark.parametrize(
    "options", [{"stall": 0}, {"stall": float("nan")}, {"stall": "a"}, {"reopen": -1}, {"reopen": 0.5}]
)
def test_options_out_of_range(options: dict[str, Any]):
    def unopened() -> Source:
        pytest.fail("a source was opened with a wrong option")

    with pytest.raises(UsageError):
        Recovering(unopened, "cam", **options)


def test_the_count_reaches_results_and_summary(staged):
    stage = staged([0.0, LOST], [1.0])
    summary, lines = Summary(), io.StringIO()
    with Pipeline.open(stage.recovering()) as pipeline:
        pipeline.run(JsonLines(lines), summary)
    assert [json.loads(line)["reopened"] for line in lines.getvalue().splitlines()] == [0, 1]
    assert (summary.frames, summary.reopened) == (2, 1)
    assert "reopened: 1, " in str(summary)
