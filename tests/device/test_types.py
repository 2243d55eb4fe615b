import json

import numpy as np
import pytest

from ferlite.data.dataset import Faces
from ferlite.device.types import Expression, Face, Frame, FrameResult, Reading, TrackedFace

FACE = Face((1.0, 2.0, 30.0, 40.0), 0.9, np.arange(10, dtype=np.float32).reshape(5, 2))
HAPPY = Expression(("happy", "sad"), np.array([0.75, 0.25], np.float32))
TRACKED = TrackedFace(7, FACE, {"model": Reading(HAPPY, HAPPY, "happy")})
FRAME = Frame(np.full((480, 640, 3), 131, np.uint8), 3, 0.2)
RESULT = FrameResult(FRAME, (TRACKED,))
FACES = Faces(np.full((2, 48, 48), 131, np.uint8), np.zeros(2, np.int64), np.arange(2))


@pytest.mark.parametrize("value", [FACE, HAPPY, TRACKED, FRAME, RESULT, FACES])
def test_what_holds_arrays_compares_without_raising_and_hashes(value):
    assert value == value  # noqa: PLR0124
    assert value != type(value)(**vars(value))
    assert value in {value}


def test_a_result_is_shown_with_shapes_and_no_pixels():
    shown = repr(RESULT)
    assert "uint8 [480, 640, 3]" in shown
    assert "float32 [5, 2]" in shown
    assert "131" not in shown
    assert "Reading('happy', 0.750)" in shown
    assert repr(FACES) == "Faces(2 of 48 x 48 pixels)"


def test_scores_are_floats_that_json_can_write():
    assert json.loads(json.dumps(HAPPY.scores)) == {"happy": 0.75, "sad": 0.25}


def test_a_tracked_face_gives_its_box_and_landmarks_at_first_hand():
    assert TRACKED.box == FACE.box
    assert TRACKED.landmarks is FACE.landmarks
