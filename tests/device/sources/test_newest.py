import threading

import numpy as np
import pytest

from ferlite.device.sources.newest import Newest
from ferlite.device.types import Frame


def frame(index):
    return Frame(np.zeros((2, 2, 3), np.uint8), index, index / 15)


class Stepped:
    """A live source whose next frame comes when the test says so."""

    def __init__(self, count, error=None):
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


def test_stopping_does_not_wait_for_a_capture_that_hangs():
    source = Stepped(1)
    newest = Newest(source)
    newest.stop(patience=0.05)
    assert list(newest) == []
    source.go.release()
