import itertools
import json
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferlite.device.sources.base import Source
from ferlite.device.sources.open import open_source
from ferlite.device.sources.virtual import MAX_FACES, VirtualCamera
from ferlite.errors import UnknownNameError, UsageError
from ferlite.models.labels import FER2013_LABELS


class FakeClock:
    """Time that passes only in sleep, or when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def middle(face) -> np.ndarray:
    x, y, width, height = face.box
    return np.array([x + width / 2, y + height / 2])


def test_it_is_a_source_of_bgr_frames():
    with VirtualCamera(size=(320, 240), rate=10, frames=5) as camera:
        assert isinstance(camera, Source)
        assert not camera.live
        assert (camera.size, camera.rate) == ((320, 240), 10)
        frames = list(camera)
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.time for frame in frames] == [0, 0.1, 0.2, 0.3, 0.4]
    assert {(frame.image.shape, frame.image.dtype.name) for frame in frames} == {((240, 320, 3), "uint8")}
    assert (frames[0].image != frames[4].image).any()


def test_a_face_is_warm_in_colour():
    camera = VirtualCamera()
    x, y = middle(camera.truth(0)[0]).astype(int)
    blue, green, red = camera.frame(0).image[y - 40 : y + 40, x - 30 : x + 30].mean((0, 1))
    assert blue < green < red


def test_any_frame_can_be_made_at_any_time():
    camera = VirtualCamera(faces=2, seed=3)
    in_order = [frame.image for frame in itertools.islice(camera, 5)]
    for index in (4, 0, 2):
        np.testing.assert_array_equal(VirtualCamera(faces=2, seed=3).frame(index).image, in_order[index])
        assert camera.truth(index) == VirtualCamera(faces=2, seed=3).truth(index)
    assert (VirtualCamera(faces=2, seed=4).frame(0).image != in_order[0]).any()


def test_a_frame_may_be_written_to_without_harm():
    camera = VirtualCamera()
    image = camera.frame(0).image
    kept = image.copy()
    image[:] = 0
    np.testing.assert_array_equal(camera.frame(0).image, kept)


def test_the_expression_goes_through_all_seven_and_changes_smoothly():
    camera = VirtualCamera(rate=10)
    truths = [camera.truth(index)[0] for index in range(int(7 * 2.8 * 10) + 1)]
    assert {truth.label for truth in truths} == set(FER2013_LABELS)
    assert sum(truth.strength == 1 for truth in truths) > len(truths) / 2
    for before, after in itertools.pairwise(truths):
        assert 0.5 <= after.strength <= 1
        assert (after.other == "") == (after.strength == 1)
        if before.label != after.label:
            assert before.other == after.label
            assert after.other == before.label


def test_without_faces_there_is_only_the_background():
    camera = VirtualCamera(faces=0)
    assert camera.truth(0) == ()
    np.testing.assert_array_equal(camera.frame(0).image, camera.frame(50).image)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(64, 2000), st.integers(64, 2000)),
    faces=st.integers(1, MAX_FACES),
    seed=st.integers(0, 2**32),
    index=st.integers(0, 10**6),
    data=st.data(),
)
def test_faces_stay_in_the_frame(size, faces, seed, index, data):
    cross = data.draw(st.booleans()) if faces > 1 else False
    camera = VirtualCamera(size=size, faces=faces, seed=seed, cross=cross)
    truth = camera.truth(index)
    assert len(truth) == faces
    for face in truth:
        x, y, width, height = face.box
        assert x >= 0
        assert y >= 0
        assert x + width <= size[0]
        assert y + height <= size[1]
        assert min(width, height) > 0
    json.dumps([astuple(face) for face in truth])


@settings(max_examples=10, deadline=None)
@given(
    size=st.tuples(st.integers(64, 400), st.integers(64, 400)),
    faces=st.integers(0, MAX_FACES),
    index=st.integers(0, 10**5),
)
def test_any_size_and_number_can_be_drawn(size, faces, index):
    assert VirtualCamera(size=size, faces=faces).frame(index).image.shape == (size[1], size[0], 3)


def test_faces_keep_apart():
    camera = VirtualCamera(faces=4, seed=1)
    for index in range(0, 300, 5):
        for a, b in itertools.combinations(camera.truth(index), 2):
            apart = np.abs(middle(a) - middle(b)) - (np.add(a.box[2:], b.box[2:]) / 2)
            assert apart.max() >= 0


def test_two_faces_cross_when_told_to():
    camera = VirtualCamera(faces=2, cross=True)
    across = [middle(a)[0] - middle(b)[0] for a, b in (camera.truth(index) for index in range(240))]
    assert min(across) < -150
    assert max(across) > 150
    apart = [np.abs(middle(a) - middle(b)).max() / a.box[2] for a, b in (camera.truth(i) for i in range(240))]
    assert min(apart) < 0.3


def test_live_frames_come_at_their_time():
    clock = FakeClock()
    camera = VirtualCamera(size=(64, 64), rate=10, live=True, frames=4, clock=clock, sleep=clock.sleep)
    assert camera.live
    frames = list(camera)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert [frame.time for frame in frames] == pytest.approx([100.0, 100.1, 100.2, 100.3])


def test_live_frames_that_nobody_took_are_skipped():
    clock = FakeClock()
    camera = VirtualCamera(size=(64, 64), rate=10, live=True, clock=clock, sleep=clock.sleep)
    frames = iter(camera)
    assert next(frames).index == 0
    clock.now += 0.75
    assert next(frames).index == 7
    assert next(frames).index == 8


def test_closing_ends_it_and_may_be_repeated():
    camera = VirtualCamera(size=(64, 64))
    frames = iter(camera)
    next(frames)
    camera.close()
    camera.close()
    assert list(frames) == []
    assert list(camera) == []


def test_iterating_again_goes_on_where_it_stopped():
    camera = VirtualCamera(size=(64, 64), frames=4)
    assert [frame.index for frame in itertools.islice(camera, 2)] == [0, 1]
    assert [frame.index for frame in camera] == [2, 3]


@given(
    faces=st.integers(2, MAX_FACES),
    seed=st.integers(0, 10**9 - 1),
    frames=st.none() | st.integers(1, 1000),
    cross=st.booleans(),
    live=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_the_text_of_a_camera_makes_the_same_camera(faces, seed, frames, cross, live):
    camera = VirtualCamera(size=(64, 64), faces=faces, seed=seed, frames=frames, cross=cross, live=live)
    again = VirtualCamera.from_spec(camera.spec, size=(64, 64))
    assert again.spec == camera.spec
    assert (again.frames, again.live) == (frames, live)
    assert again.truth(7) == camera.truth(7)


def test_a_text_may_leave_everything_out():
    camera = VirtualCamera.from_spec("virtual:")
    assert (camera.size, camera.rate, camera.frames, len(camera.truth(0))) == ((640, 480), 15.0, None, 1)
    assert VirtualCamera.from_spec("virtual: faces=2 , cross").spec == "virtual:faces=2,seed=0,cross=true"


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_other_text_is_refused_in_words(text):
    words = "a virtual camera"
    try:
        VirtualCamera.from_spec(f"virtual:{text}", size=(64, 64)).close()
    except (UnknownNameError, UsageError) as error:
        words = str(error)
    assert "a virtual camera" in words


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("virtual:face=2", UnknownNameError, "did you mean 'faces'"),
        ("virtual:faces=two", UsageError, "faces .*'two'.* whole number"),
        ("virtual:faces=99", UsageError, "faces .*99.* 0 to 16"),
        ("virtual:frames=0", UsageError, "frames"),
        ("virtual:cross=maybe,faces=2", UsageError, "true or false"),
        ("virtual:cross=true", UsageError, "two faces or more"),
        ("picamera:0", UsageError, "virtual: and options"),
    ],
)
def test_a_wrong_option_is_named(text, error, words):
    with pytest.raises(error, match=words):
        VirtualCamera.from_spec(text)


@pytest.mark.parametrize(
    "options", [{"size": (63, 64)}, {"size": (64, 4097)}, {"rate": 0}, {"rate": float("nan")}, {"seed": -1}]
)
def test_what_lies_outside_its_range_is_named(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        VirtualCamera(**options)


def test_open_source_knows_it():
    with open_source("virtual:faces=2,frames=3", size=(128, 96), rate=5) as camera:
        assert isinstance(camera, VirtualCamera)
        assert [frame.image.shape for frame in camera] == [(96, 128, 3)] * 3
