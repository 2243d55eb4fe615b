import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ferlite.errors import DataError
from ferlite.models.preprocess import align, similarity, to_bgr, to_grey, to_input, to_size
from ferlite.models.record import Crop

POINTS = ((0.3, 0.35), (0.7, 0.35), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8))

pictures = st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([(), (1,), (3,), (4,)])).flatmap(
    lambda s: hnp.arrays(np.uint8, (s[0], s[1], *s[2]))
)


@given(pictures)
def test_any_picture_becomes_grey_and_bgr_of_its_size(image):
    assert to_grey(image).shape == image.shape[:2]
    assert to_bgr(image).shape == (*image.shape[:2], 3)


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4)), np.zeros((0, 4), np.uint8), np.zeros((4, 4, 2), np.uint8), None, "a"]
)
def test_what_is_no_picture_is_refused_with_its_shape(image):
    with pytest.raises(DataError, match="picture"):
        to_grey(image)


def test_red_weighs_as_bt601_has_it_in_bgr_order():
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 2] = 255
    assert to_grey(red)[0, 0] == 76


def test_int8_input_is_the_pixel_minus_128():
    faces = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    expected = np.arange(-128, 128)
    np.testing.assert_array_equal(to_input(faces, np.int8)[0, ..., 0].ravel(), expected)


def test_float_input_is_the_pixel():
    faces = np.array([[[0, 255]]], np.uint8)
    np.testing.assert_array_equal(to_input(faces, np.float32).ravel(), [0, 255])


def test_a_model_of_another_range_gets_its_range():
    faces = np.array([[[0, 255]]], np.uint8)
    np.testing.assert_allclose(to_input(faces, np.float32, pixels=(-1, 1)).ravel(), [-1, 1], atol=1e-6)
    np.testing.assert_array_equal(to_input(faces, np.uint8, (1 / 255, 0), (0, 1)).ravel(), [0, 255])
    np.testing.assert_array_equal(to_input(faces, np.int8, (1 / 255, -128), (0, 1)).ravel(), [-128, 127])


def test_a_fitting_crop_is_passed_on_untouched():
    face = np.arange(48 * 48, dtype=np.uint8).reshape(48, 48)
    assert to_size(face, (48, 48)) is face


@given(
    st.floats(-180, 180), st.floats(0.2, 5), st.floats(-300, 300), st.floats(-300, 300),
)  # fmt: skip
def test_similarity_finds_rotation_scale_and_shift(angle, scale, x, y):
    source = np.array(POINTS, np.float32) * 100
    turn = scale * np.exp(1j * np.deg2rad(angle))
    target = turn * (source @ (1, 1j)) + complex(x, y)
    found = similarity(source.tolist(), np.column_stack([target.real, target.imag]).tolist())
    np.testing.assert_allclose(found, (turn, complex(x, y)), atol=1e-3)


def face_picture(side):
    """A smooth pattern whose landmarks are where `POINTS` says."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    return (127 + 120 * np.sin(7 * x + 2) * np.cos(5 * y)).astype(np.uint8), np.array(POINTS, np.float32) * side


@pytest.mark.parametrize("side", [48, 96, 200, 700])
def test_a_crop_is_the_same_at_any_resolution(side):
    small, _ = face_picture(48)
    image, landmarks = face_picture(side)
    crop = align(image, landmarks, Crop(POINTS), (48, 48))
    inner = np.s_[4:-4, 4:-4]
    assert np.abs(crop[inner].astype(int) - small[inner]).max() <= 6


@pytest.mark.parametrize("angle", [-30, 20])
def test_a_turned_head_is_turned_back(angle):
    image, landmarks = face_picture(400)
    matrix = cv2.getRotationMatrix2D((200, 200), angle, 1)
    turned = np.asarray(cv2.warpAffine(image, matrix, (400, 400), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    points = (landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    straight = align(image, landmarks, Crop(POINTS), (48, 48))
    crop = align(turned, points, Crop(POINTS), (48, 48))
    inner = np.s_[8:-8, 8:-8]
    assert np.abs(crop[inner].astype(int) - straight[inner]).mean() < 3


@given(st.floats(-500, 900), st.floats(-500, 900), st.floats(1, 900))
def test_a_face_over_or_outside_the_edge_still_gives_a_crop(x, y, side):
    image = np.zeros((240, 320, 3), np.uint8)
    crop = align(image, np.array(POINTS, np.float32) * side + [x, y], Crop(POINTS), (48, 48))
    assert crop.shape == (48, 48)
