"""Events of scripted faces, in a time of the test's own."""

import json
from typing import Any

import numpy as np
import pytest

from ferlite.device.events import EventRules, Events
from ferlite.device.types import UNREADABLE, Expression, Face, Reading, TrackedFace
from ferlite.errors import UsageError


def seen(label="happy", number=1):
    expression = None if label == UNREADABLE else Expression((label, "other"), np.array([0.75, 0.25], np.float32))
    face = Face((10, 20, 30, 40), 0.9, np.zeros((5, 2), np.float32))
    return TrackedFace(number, face, {"m": Reading(expression, expression, label)})


class Script:
    """Feeds frames at 10 a second, and notes what happens."""

    def __init__(self, **rules: Any):
        self.now = 0.0
        self.events = Events(EventRules(**rules), keep=1.0, clock=lambda: self.now, wall=lambda: 1000 + self.now)
        self.happened: list[str] = []

    def frames(self, count: int, *faces: TrackedFace) -> "Script":
        for _ in range(count):
            self.note(self.events.update(faces, self.now, 1000 + self.now))
            self.now = round(self.now + 0.1, 6)
        return self

    def note(self, events):
        self.happened += [f"{e.time:.1f} {e.kind} {e.track_id} {e.label} {e.lasted:.1f}" for e in events]


def test_a_face_appears_after_some_frames_changes_and_leaves():
    script = Script(confirm=3).frames(5, seen("sad")).frames(5, seen("happy")).frames(12)
    assert script.happened == ["0.2 appeared 1 sad 0.2", "0.5 changed 1 happy 0.5", "2.0 left 1 happy 0.9"]


def test_who_is_seen_too_briefly_is_never_announced():
    assert Script(confirm=3).frames(2, seen()).frames(20).happened == []


def test_a_face_that_is_out_of_sight_for_a_moment_has_not_left():
    script = Script(confirm=1).frames(1, seen()).frames(9).frames(1, seen())
    assert script.happened == ["0.0 appeared 1 happy 0.0"]


def test_a_face_leaves_also_while_no_frame_comes():
    script = Script(confirm=1).frames(2, seen())
    script.now = 1.0
    assert script.events.wait() == []
    script.now = 1.5
    (event,) = script.events.wait()
    assert (event.kind, event.lasted) == ("left", pytest.approx(0.1))
    assert event.wall == pytest.approx(1001.5)
    assert script.events.wait() == []


def test_a_face_that_is_still_there_after_a_gap_without_frames_has_not_left():
    script = Script(confirm=1).frames(2, seen())
    script.now = 5.0
    assert script.frames(2, seen()).happened == ["0.0 appeared 1 happy 0.0"]


def test_a_number_that_comes_back_after_it_left_appears_again():
    script = Script(confirm=2).frames(2, seen())
    script.now = 5.0
    script.note(script.events.wait())
    assert script.frames(3, seen()).happened[1:] == ["5.0 left 1 happy 0.1", "5.1 appeared 1 happy 0.1"]


def test_nobody_leaves_between_the_frames_of_a_slow_camera():
    script = Script(confirm=2)
    for _ in range(4):
        script.frames(1, seen())
        script.now += 1.4
        script.note(script.events.wait())
    assert script.happened == ["3.0 appeared 1 happy 1.5"]
    script.now += 5
    script.note(script.events.wait())
    assert [text.split()[1] for text in script.happened] == ["appeared", "left"]


def test_frames_may_keep_another_clock_than_the_waiting():
    script = Script(confirm=1)
    script.events.update([seen()], 5000.0, 1000.0)
    script.now = 0.5
    assert script.events.wait() == []
    script.now = 1.5
    (event,) = script.events.wait()
    assert event.time == pytest.approx(5001.5)


def test_everybody_leaves_at_the_end_and_where_time_begins_again():
    script = Script(confirm=1).frames(3, seen(), seen(number=2))
    script.now = -5.0
    script.frames(1, seen(number=3))
    script.note(script.events.end())
    assert [text.split(" ", 1)[1] for text in script.happened[2:]] == [
        "left 1 happy 0.2",
        "left 2 happy 0.2",
        "appeared 3 happy 0.0",
        "left 3 happy 0.0",
    ]


def test_a_label_that_is_held_is_announced_once():
    script = Script(confirm=1, held={"happy": 1.0}).frames(5, seen("sad")).frames(40, seen("happy"))
    assert script.happened[2:] == ["1.5 held 1 happy 1.0"]


def test_a_label_is_held_again_after_it_was_given_up_and_a_cool_down():
    script = Script(confirm=1, held={"happy": 0.5}, cooldown=3.0)
    for _ in range(4):
        script.frames(10, seen("happy")).frames(5, seen("sad"))
    assert [text for text in script.happened if "held" in text] == ["0.5 held 1 happy 0.5", "3.5 held 1 happy 0.5"]


def test_each_face_is_held_by_itself():
    script = Script(confirm=1, held={"happy": 0.5}).frames(10, seen("happy"), seen("happy", number=2))
    assert [text for text in script.happened if "held" in text] == ["0.5 held 1 happy 0.5", "0.5 held 2 happy 0.5"]


def test_a_face_that_can_not_be_read_keeps_its_label_but_does_not_hold_it():
    script = Script(confirm=1, held={"happy": 1.0}).frames(8, seen("happy")).frames(8, seen(UNREADABLE))
    assert script.happened == ["0.0 appeared 1 happy 0.0"]
    assert script.frames(15, seen("happy")).happened[1:] == ["2.6 held 1 happy 1.0"]


def test_a_label_that_follows_unreadable_frames_is_a_change():
    script = Script(confirm=1).frames(2, seen(UNREADABLE)).frames(2, seen("sad"))
    assert script.happened == ["0.0 appeared 1 unreadable 0.0", "0.2 changed 1 sad 0.2"]


def test_a_label_after_unreadable_frames_lasted_since_the_face_came():
    script = Script(confirm=1)
    script.now = 5000.0
    script.frames(2, seen(UNREADABLE)).frames(1, seen("sad"))
    assert script.happened[1:] == ["5000.2 changed 1 sad 0.2"]


def test_an_event_is_json():
    (event,) = Script(confirm=1).events.update([seen()], 2.0, 0.5)
    line = json.loads(json.dumps(event.to_json()))
    assert (line["event"], line["id"], line["label"], line["confidence"]) == ("appeared", 1, "happy", 0.75)
    assert (line["time"], line["unix"], line["box"]) == (2.0, 0.5, [10, 20, 30, 40])


@pytest.mark.parametrize(
    "rules", [{"confirm": 0}, {"confirm": 1.5}, {"cooldown": -1}, {"held": {"happy": float("nan")}}]
)
def test_rules_out_of_range(rules: dict[str, Any]):
    with pytest.raises(UsageError):
        EventRules(**rules)
