import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.device.faces.gate import BLURRED, TOO_SMALL, TURNED, Gate, sharpness
from ferlite.device.pipeline import Pipeline
from ferlite.device.types import UNREADABLE, Face
from ferlite.errors import UsageError
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
    aside = FRONTAL + np.array([[0, 0], [0, 0], [18, 0], [0, 0], [0, 0]], np.float32)
    assert gate.refuses(face(), PATTERN) == ""
    assert gate.refuses(face(side=19), PATTERN) == TOO_SMALL
    assert gate.refuses(face(landmarks=aside), PATTERN) == TURNED
    blurred = np.asarray(cv2.resize(PATTERN[:6, :6], (48, 48), interpolation=cv2.INTER_CUBIC), np.uint8)
    assert gate.refuses(face(), blurred) == BLURRED


def test_a_gate_without_limits_lets_a_grey_wall_pass():
    assert Gate(0, 0, 1).refuses(face(1), np.full((48, 48), 90, np.uint8)) == ""


@pytest.mark.parametrize("name", ["min_face", "min_sharpness", "max_turn"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), "20"])
def test_a_limit_out_of_range_is_an_error_that_names_field_value_and_range(name, value):
    with pytest.raises(UsageError, match=rf"Gate\.{name} is {value!r}; it must be 0 or more"):
        Gate(**{name: value})


def test_the_more_a_face_is_blurred_the_less_sharp_it_is():
    faces, _ = eigenfaces.load().sample(5, seed=0)
    for crop in faces:
        values = [sharpness(cv2.GaussianBlur(crop, (0, 0), sigma)) for sigma in (0.5, 1, 1.5, 2, 3)]
        assert values == sorted(values, reverse=True)


def test_sharpness_does_not_depend_on_light_and_contrast():
    assert sharpness(PATTERN // 2 + 60) == pytest.approx(sharpness(PATTERN), rel=0.05)
    assert sharpness(np.full((48, 48), 90, np.uint8)) == 0


def refused(faces, sigma, side):
    """Share of 48 x 48 faces, blurred by a Gaussian, that the gate refuses in crops of another size."""
    crops = (cv2.resize(cv2.GaussianBlur(crop, (0, 0), sigma), (side, side)) for crop in faces)
    return np.mean([Gate().refuses(face(), crop) == BLURRED for crop in crops])


@pytest.mark.parametrize("side", [96, 224])
@pytest.mark.parametrize(("sigma", "expected"), [(0.3, 0), (3.0, 1)])
def test_the_share_of_blurred_faces_does_not_depend_on_the_size_of_the_crop(side, sigma, expected):
    faces, _ = eigenfaces.load().sample(20, seed=0)
    assert refused(faces, sigma, 48) == refused(faces, sigma, side) == expected


def test_of_real_faces_the_same_share_is_refused_at_any_size_of_the_crop(fer2013):
    faces = fer2013.split("validation").images[:500]
    for sigma in (0.3, 1.0, 2.0):
        shares = [refused(faces, sigma, side) for side in (48, 96, 224)]
        assert max(shares) - min(shares) <= 0.01


@given(st.floats(-180, 180), st.floats(-15, 15), st.floats(0.1, 10))
def test_turn_tells_the_side_and_knows_no_size_and_roll_no_turn(roll, off, scale):
    landmarks = FRONTAL.copy()
    landmarks[2, 0] += off
    face = Face((0, 0, 1, 1), 1.0, turned(scale * landmarks, roll))
    assert face.turn == pytest.approx(off / 40, abs=1e-3)
    assert (face.roll - roll + 180) % 360 - 180 == pytest.approx(0, abs=0.01)


def test_points_that_fall_together_are_no_error():
    assert Face((0, 0, 0, 0), 1.0, np.zeros((5, 2), np.float32)).turn == 0


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
