from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.device.tracks import Smoothing, Tracker, overlap
from ferlite.device.types import UNCERTAIN, Expression, Face

LABELS = ("happy", "sad", "neutral")
boxes = st.tuples(*[st.floats(-100, 600)] * 2, *[st.floats(1, 300)] * 2)


def face(x=0.0, y=0.0, side=100.0):
    return Face((x, y, side, side), 0.9, np.zeros((5, 2), np.float32))


def showing(**probabilities):
    values = [probabilities.get(name, 0.0) for name in LABELS]
    return Expression(LABELS, np.array(values, np.float32))


HAPPY, SAD, UNCLEAR = showing(happy=1), showing(sad=1), showing(happy=0.35, sad=0.33, neutral=0.32)


def test_a_face_that_moves_a_little_keeps_its_number():
    tracker = Tracker()
    numbers = {tracker.update([face(x=10 * i)], [HAPPY], i / 15)[0].track_id for i in range(20)}
    assert numbers == {1}


def test_two_faces_keep_their_own_numbers_and_expressions_whatever_their_order():
    tracker = Tracker()
    tracker.update([face(0), face(300)], [HAPPY, SAD], 0.0)
    right, left = tracker.update([face(305), face(5)], [SAD, HAPPY], 0.1)
    assert (left.track_id, left.label) == (1, "happy")
    assert (right.track_id, right.label) == (2, "sad")


def test_a_face_that_comes_back_in_time_is_the_same_and_later_a_new_one():
    tracker = Tracker(Smoothing(keep=1.0))
    tracker.update([face()], [HAPPY], 0.0)
    tracker.update([], [], 0.5)
    assert tracker.update([face()], [HAPPY], 0.9)[0].track_id == 1
    assert tracker.update([face()], [HAPPY], 2.0)[0].track_id == 2


def test_numbers_are_not_used_again_after_forgetting():
    tracker = Tracker()
    tracker.update([face()], [HAPPY], 0.0)
    tracker.forget()
    assert tracker.update([face()], [HAPPY], 0.0)[0].track_id == 2


@pytest.mark.parametrize("rate", [5, 15, 60])
def test_smoothing_goes_63_percent_of_the_way_in_one_time_constant_at_any_frame_rate(rate):
    tracker = Tracker(Smoothing(time_constant=1.0))
    tracker.update([face()], [SAD], 0.0)
    for i in range(1, rate + 1):
        tracked = tracker.update([face()], [HAPPY], i / rate)[0]
    assert tracked.expression.probabilities[0] == pytest.approx(1 - np.exp(-1), abs=1e-4)
    assert tracked.raw is HAPPY


def test_one_odd_frame_does_not_change_the_label():
    tracker = Tracker()
    labels = [tracker.update([face()], [SAD if i == 10 else HAPPY], i / 15)[0].label for i in range(20)]
    assert set(labels) == {"happy"}


def test_a_true_change_reaches_the_label_within_half_a_second():
    tracker = Tracker()
    for i in range(15):
        tracker.update([face()], [HAPPY], i / 15)
    labels = [tracker.update([face()], [SAD], 1 + i / 15)[0].label for i in range(8)]
    assert labels[-1] == "sad"


def test_a_face_is_uncertain_while_no_label_is_clear():
    tracker = Tracker()
    first = tracker.update([face()], [UNCLEAR], 0.0)[0]
    assert first.label == UNCERTAIN
    assert first.confidence == pytest.approx(0.35)


def test_a_label_does_not_flicker_at_the_threshold():
    tracker = Tracker(Smoothing(time_constant=0, threshold=0.4, margin=0.1))
    tops = np.random.default_rng(0).uniform(0.36, 0.44, 60)
    labels = [tracker.update([face()], [showing(happy=p, sad=0.3)], i / 15)[0].label for i, p in enumerate(tops)]
    assert sum(a != b for a, b in pairwise(labels)) <= 1
    assert tracker.update([face()], [showing(happy=0.25, sad=0.3)], 5.0)[0].label == UNCERTAIN


def test_the_first_frame_speaks_for_itself():
    assert Tracker().update([face()], [HAPPY], 0.0)[0].label == "happy"


@given(boxes, boxes)
def test_overlap_is_a_symmetric_share(a, b):
    assert 0 <= overlap(a, b) <= 1 + 1e-9
    assert overlap(a, b) == pytest.approx(overlap(b, a))
    assert overlap(a, a) == pytest.approx(1)
