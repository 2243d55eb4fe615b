import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferlite.device.outputs.drawing import COLOURS, annotate, colour_of
from ferlite.device.types import UNCERTAIN, UNREADABLE, Expression, Face, Frame, FrameResult, Reading, TrackedFace
from ferlite.errors import DataError
from ferlite.models.labels import FER2013_LABELS, LABELS


def tracked(number, face, expression, label, unreadable=""):
    return TrackedFace(number, face, {"model": Reading(expression, expression, label)}, unreadable)


def a_face(box, label="happy", number=1, labels=FER2013_LABELS):
    probabilities = np.full(len(labels), 0.4 / (len(labels) - 1), np.float32)
    probabilities[labels.index(label) if label in labels else 0] = 0.6
    expression = Expression(labels, probabilities)
    return tracked(number, Face(box, 0.9, np.zeros((5, 2), np.float32)), expression, label)


def a_result(*faces, size=(640, 480), value=90):
    return FrameResult(Frame(np.full((size[1], size[0], 3), value, np.uint8), 0, 0.0), faces)


def has(image, colour):
    return bool((image == np.array(colour, np.uint8)).all(axis=2).any())


@pytest.mark.parametrize("size", [(320, 240), (641, 479), (1920, 1080)])
def test_a_face_is_drawn_in_its_labels_colour_and_the_frame_is_not_touched(size):
    width, height = size
    result = a_result(a_face((width * 0.3, height * 0.3, width * 0.2, height * 0.3)), size=size)
    image = annotate(result)
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    assert has(image, COLOURS["happy"])
    assert (result.frame.image == 90).all()
    # Far from the face nothing is drawn.
    assert (image[-height // 8 :] == 90).all()


def test_without_faces_the_picture_is_a_plain_copy():
    result = a_result()
    image = annotate(result)
    assert (image == result.frame.image).all()
    assert image is not result.frame.image


def test_all_labels_have_bars():
    image = annotate(a_result(a_face((200, 150, 120, 150))))
    assert all(has(image, COLOURS[label]) for label in FER2013_LABELS)


def test_an_uncertain_face_is_grey():
    image = annotate(a_result(a_face((200, 150, 120, 150), UNCERTAIN)))
    top = image[150, 200:320].astype(int)
    assert (np.ptp(top, axis=1) == 0).all()
    assert has(image, COLOURS[UNCERTAIN])


def test_colours_differ_and_any_label_has_one():
    assert len({colour_of(label) for label in (*LABELS, UNCERTAIN)}) == len(LABELS) + 1
    assert colour_of("bored") == colour_of("bored")


def test_the_bars_of_one_face_do_not_cover_another():
    left, right = a_face((100, 100, 150, 200), "happy", 1), a_face((260, 100, 150, 200), "sad", 2)
    image = annotate(a_result(left, right))
    assert (image[110:290, 110:240] == 90).all()
    assert (image[110:290, 270:400] == 90).all()


def test_a_face_that_fills_the_picture_keeps_its_plate():
    image = annotate(a_result(a_face((-20, -20, 700, 560))))
    assert has(image[:60], COLOURS["happy"])


@pytest.mark.parametrize("shape", [(120, 160), (120, 160, 1), (120, 160, 4)])
def test_grey_and_bgra_frames_become_bgr(shape):
    result = FrameResult(Frame(np.full(shape, 90, np.uint8), 0, 0.0), (a_face((20, 40, 50, 60)),))
    image = annotate(result)
    assert image.shape == (120, 160, 3)
    assert (image[-8:, -8:] == 90).all()
    assert has(image, COLOURS["happy"])
    assert (result.frame.image == 90).all()


def test_a_frame_that_is_no_picture_is_an_error():
    with pytest.raises(DataError, match="float64"):
        annotate(FrameResult(Frame(np.zeros((120, 160, 3)), 0, 0.0), ()))  # type: ignore[arg-type]


def test_any_label_and_reason_is_drawn():
    # In a process of its own: OpenCV does not survive a lone surrogate.
    program = r"""
import numpy as np
from ferlite.device.outputs.drawing import annotate
from ferlite.device.types import Expression, Face, Frame, FrameResult, Reading, TrackedFace
face = Face((200.0, 150.0, 120.0, 150.0), 0.9, np.zeros((5, 2), np.float32))
for text in ("b\udcff", "\u00e9\u6f22", "a\nb", "a\0b", ""):
    expression = Expression((text, "happy"), np.array([0.8, 0.2], np.float32))
    readings = {"m": Reading(expression, expression, text)}, {"m": Reading(None, None, "unreadable")}
    faces = TrackedFace(1, face, readings[0]), TrackedFace(2, face, readings[1], text)
    assert annotate(FrameResult(Frame(np.zeros((480, 640, 3), np.uint8), 0, 0.0), faces)).any()
"""
    run = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


coordinates = st.floats(-1e6, 1e6, width=32)


@settings(deadline=None, max_examples=60)
@given(
    boxes=st.lists(st.tuples(coordinates, coordinates, coordinates, coordinates), max_size=6),
    size=st.tuples(st.integers(1, 400), st.integers(1, 300)),
    label=st.sampled_from([*FER2013_LABELS, UNCERTAIN]),
)
def test_any_box_on_any_frame(boxes, size, label):
    image = annotate(a_result(*(a_face(box, label, n) for n, box in enumerate(boxes)), size=size))
    assert image.shape == (size[1], size[0], 3)


def test_a_box_that_is_no_number_is_survived():
    assert annotate(a_result(a_face((float("nan"), 0.0, float("inf"), 10.0)))).shape == (480, 640, 3)


def test_an_unreadable_face_has_a_box_and_its_reason_but_no_bars():
    face = Face((200, 150, 120, 150), 0.9, np.zeros((5, 2), np.float32))
    image = annotate(a_result(tracked(1, face, None, UNREADABLE, "blurred")))
    assert has(image, COLOURS[UNREADABLE])
    assert not has(image, COLOURS["happy"])
