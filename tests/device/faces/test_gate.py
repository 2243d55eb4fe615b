import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.device.faces.gate import BLURRED, TOO_SMALL, TURNED, Gate, sharpness, turn
from ferlite.device.pipeline import Pipeline
from ferlite.device.types import UNREADABLE, Face
from ferlite.models import eigenfaces

FRONTAL = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)
PATTERN = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)


def face(side=100.0, landmarks=FRONTAL):
    return Face((0, 0, 0.8 * side, side), 0.9, landmarks)


def turned(landmarks, degrees):
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (landmarks @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)


def test_a_face_is_refused_for_what_is_wrong_with_it():
    gate = Gate(min_face=20, min_sharpness=0.3, max_turn=0.3)
    aside = FRONTAL + np.float32([[0, 0], [0, 0], [18, 0], [0, 0], [0, 0]])
    assert gate.refuses(face(), PATTERN) == ""
    assert gate.refuses(face(side=19), PATTERN) == TOO_SMALL
    assert gate.refuses(face(landmarks=aside), PATTERN) == TURNED
    assert gate.refuses(face(), cv2.resize(PATTERN[:6, :6], (48, 48), interpolation=cv2.INTER_CUBIC)) == BLURRED


def test_a_gate_without_limits_lets_a_grey_wall_pass():
    assert Gate(0, 0, 1).refuses(face(1), np.full((48, 48), 90, np.uint8)) == ""


@pytest.mark.parametrize("limits", [{"min_face": -1}, {"min_sharpness": -0.1}, {"max_turn": -1}])
def test_a_negative_limit_is_a_clear_error(limits):
    with pytest.raises(ValueError, match="limits are 0 or more"):
        Gate(**limits)


def test_the_more_a_face_is_blurred_the_less_sharp_it_is():
    faces, _ = eigenfaces.load().sample(5, seed=0)
    for crop in faces:
        values = [sharpness(cv2.GaussianBlur(crop, (0, 0), sigma)) for sigma in (0.5, 1, 1.5, 2, 3)]
        assert values == sorted(values, reverse=True)


def test_sharpness_does_not_depend_on_light_and_contrast():
    assert sharpness(PATTERN // 2 + 60) == pytest.approx(sharpness(PATTERN), rel=0.05)
    assert sharpness(np.full((48, 48), 90, np.uint8)) == 0


@given(st.floats(-180, 180), st.floats(-15, 15), st.floats(0.1, 10))
def test_turn_knows_no_roll_side_or_size(roll, off, scale):
    landmarks = FRONTAL.copy()
    landmarks[2, 0] += off
    assert turn(turned(scale * landmarks, roll)) == pytest.approx(abs(off) / 40, abs=1e-3)


def test_points_that_fall_together_are_no_error():
    assert turn(np.zeros((5, 2), np.float32)) == 0


def test_a_small_face_is_found_and_not_named(model_path):
    with Pipeline.open("virtual:frames=1", model=model_path, gate=Gate(min_face=400)) as pipeline:
        (result,) = pipeline
    (tracked,) = result.faces
    assert (tracked.label, tracked.unreadable) == (UNREADABLE, TOO_SMALL)
    line = result.to_json()["faces"][0]
    assert (line["label"], line["unreadable"], line["probabilities"], line["raw"]) == (
        UNREADABLE,
        TOO_SMALL,
        None,
        None,
    )
