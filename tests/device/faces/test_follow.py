import numpy as np
import pytest

from ferlite.device.faces.boxes import iou
from ferlite.device.faces.finder import FaceFinder
from ferlite.device.faces.follow import Follower
from ferlite.device.pipeline import Pipeline
from ferlite.device.sources.virtual import VirtualCamera
from ferlite.errors import UsageError


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


def test_followed_faces_are_where_a_scan_finds_them(finder):
    camera = VirtualCamera(faces=2)
    follower = Follower(finder, every=5)
    follower.scanned(finder.find(camera.frame(0).image))
    for index in range(1, 5):
        image = camera.frame(index).image
        followed = follower.follow(image)
        assert followed is not None
        for scanned in finder.find(image):
            assert max(iou(scanned.box, face.box) for face in followed) > 0.6
    assert follower.follow(camera.frame(5).image) is None


def test_without_a_face_or_when_one_is_lost_the_frame_is_to_be_scanned(finder):
    image = VirtualCamera().frame(0).image
    follower = Follower(finder, every=100)
    follower.scanned([])
    assert follower.follow(image) is None
    follower.scanned(finder.find(image))
    assert follower.follow(image) is not None
    assert follower.follow(np.zeros_like(image)) is None


def test_two_faces_followed_onto_one_are_scanned_anew(finder):
    image = VirtualCamera().frame(0).image
    (face,) = finder.find(image)
    follower = Follower(finder, every=100)
    follower.scanned([face, face])
    assert follower.follow(image) is None


def test_every_frame_is_scanned_unless_told_otherwise(finder):
    image = VirtualCamera().frame(0).image
    follower = Follower(finder)
    follower.scanned(finder.find(image))
    assert follower.follow(image) is None
    with pytest.raises(UsageError, match="scan_every is 0; it must be a whole number, 1 or more frames"):
        Follower(finder, every=0)


def test_a_face_that_comes_to_others_is_seen_late_by_less_than_the_period():
    camera = VirtualCamera(faces=2)
    counts = []
    with Pipeline.open("virtual:", scan_every=4) as pipeline:
        for index in range(10):
            frame = camera.frame(index)
            if index < 5:
                frame.image[:, 320:] = 128
            counts.append(len(pipeline.process(frame).faces))
    assert counts[:5] == [1] * 5
    assert counts[8:] == [2, 2]
