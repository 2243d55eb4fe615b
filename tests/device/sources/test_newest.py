import signal
import threading

import numpy as np
import pytest

from ferlite import Pipeline
from ferlite.device.sources.base import Source
from ferlite.device.sources.newest import CaptureThread, Newest, newest
from ferlite.device.sources.virtual import VirtualCamera
from ferlite.device.types import Frame
from ferlite.errors import UsageError


def frame(index):
    return Frame(np.zeros((2, 2, 3), np.uint8), index, index / 15)


class Stepped(Source):
    """A live source whose next frame comes when the test says so."""

    spec, size, live = "stepped", (2, 2), True

    def __init__(self, count, error=None):
        self.closed = threading.Event()
        self.count, self.error = count, error
        self.go = threading.Semaphore(0)
        self.taken = threading.Semaphore(0)

    def __iter__(self):
        for index in range(self.count):
            self.go.acquire()
            yield frame(index)
            self.taken.release()  # the reader came back for more, so this frame is with it
        if self.error:
            raise self.error

    def close(self):
        self.closed.set()


def give(source, count):
    for _ in range(count):
        source.go.release()
    for _ in range(count):
        assert source.taken.acquire(timeout=5)


def test_a_slow_consumer_gets_the_newest_frame_and_the_others_are_counted():
    source = Stepped(6)
    newest = Newest(source)
    frames = iter(newest)
    give(source, 1)
    assert next(frames).index == 0
    give(source, 5)
    assert next(frames).index == 5
    assert newest.dropped == 4
    assert list(frames) == []


def test_a_fast_consumer_gets_every_frame():
    source = Stepped(3)
    newest = Newest(source)
    frames = iter(newest)
    seen = []
    for _ in range(3):
        give(source, 1)
        seen.append(next(frames).index)
    assert (seen, newest.dropped) == ([0, 1, 2], 0)


def test_the_error_of_a_source_comes_out_after_its_last_frame():
    source = Stepped(1, OSError("cable pulled"))
    frames = iter(Newest(source))
    give(source, 1)
    assert next(frames).index == 0
    with pytest.raises(OSError, match="cable pulled"):
        next(frames)


def test_stopping_does_not_wait_for_a_capture_that_hangs(monkeypatch):
    source = Stepped(1)
    newest = Newest(source)
    monkeypatch.setattr(CaptureThread, "join", lambda capture, patience: None)
    newest.close()
    newest.close()
    assert source.closed.is_set()
    assert list(newest) == []
    source.go.release()


def test_a_capture_whose_end_is_interrupted_still_runs():
    source = Stepped(1)
    capture = CaptureThread(lambda: source)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            capture.stop(patience=60)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert capture.running
    source.go.release()
    capture.join(60)
    assert not capture.running


@pytest.mark.parametrize("missing", ["spec", "size"])
def test_a_live_source_that_leaves_out_an_attribute_is_named_with_it(monkeypatch, missing):
    monkeypatch.delattr(Stepped, missing)
    with pytest.raises(UsageError, match=f"Stepped has no {missing}"):
        Pipeline.open(Stepped(0))


def test_a_live_source_is_wrapped_once_and_any_other_not_at_all():
    live, clip = newest(Stepped(0)), VirtualCamera(size=(64, 64))
    assert (type(live), live.spec, live.size, live.live) == (Newest, "stepped", (2, 2), True)
    assert newest(live) is live
    assert newest(clip) is clip


def test_a_pipeline_over_anybodys_live_source_shows_the_newest_frame_first():
    before, source = set(threading.enumerate()), Stepped(4)
    with Pipeline.open(source) as pipeline:
        give(source, 3)
        first = next(iter(pipeline))
        give(source, 1)
        second = next(iter(pipeline))
        assert [t.name for t in set(threading.enumerate()) - before] in ([], ["capture"])
    assert [(result.frame.index, result.dropped) for result in (first, second)] == [(2, 2), (3, 2)]
    assert source.closed.is_set()
    assert set(threading.enumerate()) == before
