"""A face is announced when it was seen in some frames in a row."""

import numpy as np

from ferlite.device.events import EventRules, Events
from ferlite.device.types import UNREADABLE, Face, Reading, TrackedFace

FACE = TrackedFace(1, Face((0, 0, 50, 50), 0.9, np.zeros((5, 2), np.float32)), {"one": Reading(None, None, UNREADABLE)})


def announced(seen, confirm, rate=15):
    """Return the frames in which something is announced, where a face is seen in some and not in others."""
    events = Events(EventRules(confirm=confirm))
    times = [(i / rate, [FACE] if each == "x" else []) for i, each in enumerate(seen)]
    return [i for i, (time, faces) in enumerate(times) if events.update(faces, time, time)]


def test_frames_in_a_row_confirm_a_face():
    assert announced("xxxxx", confirm=3) == [2]
    assert announced("xxxxx", confirm=1) == [0]


def test_a_box_that_flickers_is_never_announced_and_never_leaves():
    # On a clip of a classroom a second box on one face comes and goes so.
    assert announced("x.........x..........xx." + 40 * ".", confirm=3) == []
    assert announced(40 * "xx.", confirm=3) == []


def test_an_announced_face_may_flicker():
    assert announced("xxx.x..x.xxx.xx", confirm=3) == [2]


def test_waiting_between_the_frames_of_a_slow_camera_forgets_nobody():
    events = Events(EventRules(confirm=2), keep=10, clock=iter(range(100)).__next__)
    assert events.update([FACE], 0.0, 0.0) == []
    assert events.wait() == []
    assert [event.kind for event in events.update([FACE], 1.0, 1.0)] == ["appeared"]
