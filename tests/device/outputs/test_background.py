from threading import Event as Flag
from threading import enumerate as enumerate_threads

import numpy as np
import pytest

from ferlite import Output, OutputError, Pipeline, VirtualCamera
from ferlite.device.outputs.background import Background
from ferlite.device.types import Frame, FrameResult

RESULT = FrameResult(Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0), ())


class Disk(Output):
    """Is slow while `free` is not set, and full while `full` is."""

    backlog = 2
    reads = frozenset({"results", "pixels"})
    name = "the disk"

    def __init__(self):
        self.free, self.begun = Flag(), Flag()
        self.full = False
        self.written = []

    def write(self, result):
        self.begun.set()
        assert self.free.wait(30)
        if self.full:
            raise OutputError("the disk is full")
        self.written.append(result)


class Seen(Output):
    """Notes the numbers of the frames, lets a disk begin with the first one, and go on after five."""

    def __init__(self, disk):
        self.disk, self.frames = disk, []

    def write(self, result):
        self.frames.append(result.frame.index)
        assert self.disk.begun.wait(30)
        if len(self.frames) == 5:
            self.disk.free.set()


def test_a_slow_output_holds_up_no_camera_and_gets_the_newest():
    disk = Disk()
    seen = Seen(disk)
    camera = VirtualCamera()
    camera.live = camera.newest_only = True
    with Pipeline.open(camera) as pipeline:
        pipeline.run(disk, seen, frames=5)
        (state,) = pipeline.state.outputs
    first, _, _, *last = seen.frames
    assert [result.frame.index for result in disk.written] == [first, *last]
    assert (state.name, state.dropped, state.problem) == ("the disk", 2, "")


def test_a_full_disk_is_counted_and_written_to_again_when_there_is_room(caplog):
    disk = Disk()
    disk.free.set()
    with Background(disk) as background:
        disk.full = True
        for _ in range(2):
            disk.begun.clear()
            background.write(RESULT)
            assert disk.begun.wait(30)
        while background.states[0].dropped < 2:
            pass
        assert background.states[0].problem == "the disk is full"
        disk.full = False
        background.write(RESULT)
    assert background.states[0].dropped == 2
    assert background.states[0].problem == ""
    assert len(disk.written) == 1
    assert caplog.messages == ["the disk is full; the run goes on", "the disk is written again"]


def test_a_clip_waits_for_its_outputs_and_ends_where_they_fail():
    disk = Disk()
    disk.free.set()
    with Pipeline.open(VirtualCamera(frames=5)) as pipeline:
        pipeline.run(disk)
        assert len(disk.written) == 5
        assert pipeline.state.outputs == ()
    disk.full = True
    with Pipeline.open(VirtualCamera(frames=5)) as pipeline, pytest.raises(OutputError, match="full"):
        pipeline.run(disk)


def test_pixels_are_not_kept_for_who_reads_none():
    disk = Disk()
    disk.reads = frozenset({"results"})
    disk.free.set()
    with Background(disk) as background:
        background.write(RESULT)
    assert disk.written[0].frame.image.size == 0
    assert disk.written[0].to_json() == RESULT.to_json()


def test_an_output_that_is_too_slow_says_so_while_it_is():
    disk = Disk()
    with Background(disk) as background:
        for _ in range(4):
            background.write(RESULT)
            assert disk.begun.wait(30)
        assert background.states[0].problem == "the disk is too slow: results are dropped"
        disk.free.set()
    (state,) = background.states
    assert (state.dropped, state.problem) == (1, "")


def test_a_defect_of_an_output_is_logged_with_its_place_and_the_run_goes_on(caplog):
    disk = Disk()
    disk.free.set()
    disk.written = None  # type: ignore[assignment]
    with Background(disk) as background:
        background.write(RESULT)
    assert background.states[0].problem == "'NoneType' object has no attribute 'append'"
    assert caplog.records[0].exc_info


def test_the_thread_ends_with_the_run_and_the_output_takes_part_in_another():
    disk = Disk()
    disk.free.set()
    for frames in (5, 10):
        camera = VirtualCamera()
        camera.live = camera.newest_only = True
        disk.backlog = 5
        with Pipeline.open(camera) as pipeline:
            pipeline.run(disk, frames=5)
        assert len(disk.written) == frames
        assert [each.name for each in enumerate_threads() if each.name == "output the disk"] == []


def test_a_second_ctrl_c_waits_for_the_write_under_way_and_for_no_more(monkeypatch):
    disk = Disk()
    background = Background(disk)
    join = background._thread.join

    def interrupted(timeout=None):
        if timeout is None:
            raise KeyboardInterrupt
        disk.free.set()
        join()

    monkeypatch.setattr(background._thread, "join", interrupted)
    for _ in range(2):
        background.write(RESULT)
        assert disk.begun.wait(30)
    with pytest.raises(KeyboardInterrupt):
        background.close()
    assert len(disk.written) == 1
    assert background.states[0].dropped == 1


def test_a_disk_that_fails_now_and_then_is_logged_once_a_minute(caplog):
    disk, now = Disk(), [0.0]
    disk.free.set()

    def write(result):
        disk.full = not disk.full
        now[0] += 0.5
        Disk.write(disk, result)

    disk.write, disk.backlog = write, 1000
    with Background(disk, clock=lambda: now[0]) as background:
        for _ in range(480):
            background.write(RESULT)
    assert background.states[0].dropped == 240
    assert caplog.messages == ["the disk is full; the run goes on", "the disk is written again"] * 4
