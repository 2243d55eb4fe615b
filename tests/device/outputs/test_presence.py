from itertools import pairwise

import numpy as np
import pytest

from ferlite import FaceEvent, Frame, FrameResult
from ferlite.device.outputs.presence import NOBODY, Pace, Presence
from ferlite.device.types import Face, Reading, TrackedFace


@pytest.fixture
def presence():
    return Presence()


def event(kind, number, label="happy"):
    return FaceEvent(kind, number, label, 0.9, 0.0, 0.0, 0.2, (0, 0, 40, 40))


def frame(**areas):
    """A result with faces by number, each with its area."""
    face = Face((0, 0, 40, 40), 0.9, np.zeros((5, 2), np.float32))
    reading = {"tiny": Reading(None, None, "unreadable")}
    faces = [TrackedFace(int(name[1:]), face, reading, area=area) for name, area in areas.items()]
    return FrameResult(Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0), tuple(faces))


def test_people_are_who_was_announced_and_has_not_left(presence):
    presence.saw(frame(f1=0.2, f2=0.1))
    assert (presence.people, presence.label) == (0, NOBODY)
    presence.happened(event("appeared", 1, "sad"))
    presence.happened(event("appeared", 2))
    presence.happened(event("changed", 1, "neutral"))
    presence.saw(frame(f1=0.2, f2=0.1))
    presence.saw(frame())
    assert (presence.people, presence.label) == (2, "neutral")
    presence.happened(event("left", 1))
    assert (presence.people, presence.label) == (1, "happy")
    presence.happened(event("left", 2))
    assert (presence.people, presence.label) == (0, NOBODY)


def test_a_face_that_is_lost_and_found_as_another_is_one_person(presence):
    presence.saw(frame(f1=0.2))
    presence.happened(event("appeared", 1, "sad"))
    seen = []
    for kind, number in (("appeared", 2), ("left", 1), ("appeared", 3), ("left", 2)):
        presence.saw(frame(**{f"f{max(number, 2)}": 0.2}))
        presence.happened(event(kind, number))
        seen.append((presence.people, presence.label))
    assert {people for people, _ in seen} == {1}
    assert NOBODY not in {label for _, label in seen}


def test_who_is_hidden_for_some_frames_is_still_there(presence):
    presence.saw(frame(f1=0.2, f2=0.1))
    presence.happened(event("appeared", 1))
    presence.happened(event("appeared", 2))
    for result in (frame(f1=0.2), frame(), frame(f2=0.1)):
        presence.saw(result)
        assert presence.people == 2


def test_of_two_about_as_near_the_one_stays_who_was(presence):
    presence.happened(event("appeared", 1, "sad"))
    presence.happened(event("appeared", 2))
    presence.saw(frame(f1=0.11, f2=0.10))
    presence.saw(frame(f1=0.10, f2=0.11))
    presence.saw(frame(f2=0.11))
    assert presence.label == "sad"
    presence.saw(frame(f1=0.10, f2=0.14))
    assert presence.label == "happy"


def test_an_hour_of_a_face_that_changes_nine_times_a_minute_shows_120_labels_at_most():
    pace = Pace(0.0)
    shown = [second for second in range(0, 3600, 60 // 9) if pace.allows(second)]
    assert len(shown) <= 117  # and three states of an entity that has just been made
    assert shown[:10] == list(range(0, 60, 6))
    assert max(later - earlier for earlier, later in pairwise(shown)) <= 42


def test_a_label_is_shown_at_once_after_a_calm_hour_and_once_a_second_at_most():
    pace = Pace(0.0)
    assert [pace.allows(3600 + tick / 10) for tick in range(21)].count(True) == 3
