import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.device.sources.base import Source
from ferlite.device.sources.open import open_source
from ferlite.device.sources.orientation import Oriented
from ferlite.device.sources.push import PushSource
from ferlite.device.sources.spec import masked, parse_spec
from ferlite.errors import FerliteError, MissingFileError, UnknownNameError, UsageError

KINDS = {"file", "usb", "picamera", "virtual", "stream", "auto"}


@pytest.fixture
def corner(tmp_path):
    """A picture of 6 x 4 pixels with a red pixel at its top left."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[0, 0] = (0, 0, 255)
    path = tmp_path / "corner.png"
    cv2.imwrite(str(path), image)
    return path


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (0, ("usb", "/dev/video0")),
        ("1", ("usb", "/dev/video1")),
        ("usb:2", ("usb", "/dev/video2")),
        ("usb", ("usb", "/dev/video0")),
        ("usb:/dev/v4l/by-id/cam", ("usb", "/dev/v4l/by-id/cam")),
        ("/dev/video10", ("usb", "/dev/video10")),
        (Path("/dev/video3"), ("usb", "/dev/video3")),
        ("picamera:1", ("picamera", "1")),
        ("picamera", ("picamera", "0")),
        ("rtsp://host/stream", ("stream", "rtsp://host/stream")),
        ("HTTP://host/a.mjpg", ("stream", "HTTP://host/a.mjpg")),
        ("auto", ("auto", "")),
        ("virtual:", ("virtual", "virtual:")),
        ("virtual:faces=2,seed=1", ("virtual", "virtual:faces=2,seed=1")),
    ],
)
def test_specs_are_read_as_users_write_them(spec, expected):
    assert parse_spec(spec) == expected


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://cam/stream1", "rtsp://cam/stream1"),
        ("rtsp://anna:secret@cam:554/stream1", "rtsp://anna:***@cam:554/stream1"),
        ("rtsp://anna:se/cr@et@cam/stream1", "rtsp://anna:***@cam/stream1"),
        ("rtsp://anna:se?cr#et@cam/stream1", "rtsp://anna:***@cam/stream1"),
        ("rtsp://cam/user=admin&password=secret", "rtsp://cam/user=admin&password=***"),
        ("rtsp://cam/user=admin&PassWord=se/cr@et&channel=1", "rtsp://cam/user=admin&PassWord=***&channel=1"),
        ("rtsp://cam/user=admin_password=secret_channel=1.sdp", "rtsp://cam/user=admin_password=***"),
        ("http://cam/v.cgi?usr=admin&pwd=secret", "http://cam/v.cgi?***"),
        ("http://cam/video#access_token=secret", "http://cam/video#access_token=***"),
        ("http://cam/passwd=secret&n=1&key=secret", "http://cam/passwd=***&n=1&key=***"),
    ],
)
def test_secrets_in_an_address_are_masked_wherever_they_stand(address, shown):
    assert masked(address) == shown


@given(st.one_of(st.text(), st.from_regex(r"[a-z]{1,8}:[a-z0-9/:.=-]{0,20}", fullmatch=True), st.integers()))
def test_any_spec_is_a_known_kind_or_an_error_of_ours(spec):
    try:
        kind, _ = parse_spec(spec)
    except FerliteError:
        return
    assert kind in KINDS


def test_a_misspelt_kind_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'picamera:'"):
        open_source("picamra:0")


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        ("no/such.mp4", MissingFileError, "no/such.mp4"),
        ("", UsageError, "empty"),
        ("usb:front", UsageError, "usb:0"),
        (-1, MissingFileError, "-1"),
    ],
)
def test_what_can_not_be_opened_says_why(spec, error, words):
    with pytest.raises(error, match=words):
        open_source(spec)


@pytest.mark.parametrize("options", [{"rotate": 45}, *({"rate": rate} for rate in (0, float("nan"), "a"))])
def test_options_out_of_range(corner, options):
    with pytest.raises(UsageError):
        open_source(corner, **options)


@pytest.mark.parametrize(
    "size", [(0, 480), 640, (640,), (640, 480, 3), "640x480", (640.5, 480), (10**20, 480)], ids=str
)
def test_what_is_no_size_is_refused_for_every_source(corner, size):
    with pytest.raises(UsageError, match=r"^size is|^the width is"):
        open_source(corner, size=size)
    with pytest.raises(UsageError, match=r"^size is|^the width is"):
        PushSource(size)


@pytest.mark.parametrize(
    ("rotate", "flip", "place"),
    [
        (0, False, (0, 0)),
        (0, True, (0, 5)),
        (90, False, (0, 3)),
        (90, True, (0, 0)),
        (180, False, (3, 5)),
        (270, False, (5, 0)),
        (270, True, (5, 3)),
    ],
)
def test_turned_and_mirrored(corner, rotate, flip, place):
    with open_source(corner, rotate=rotate, flip=flip) as source:
        (frame,) = source
    assert frame.image[place].tolist() == [0, 0, 255]
    assert (frame.image.shape[1], frame.image.shape[0]) == source.size
    assert frame.name == "corner.png"


def test_a_turned_source_closes_what_it_turns(corner):
    inner = open_source(corner)
    with Oriented(inner, rotate=180):
        pass
    assert list(inner) == []


def test_a_source_can_be_closed_twice_and_then_gives_nothing(corner):
    source = open_source(corner)
    source.close()
    source.close()
    assert list(source) == []


def test_the_virtual_camera_is_a_source():
    with open_source("virtual:frames=2", size=(320, 240), rate=10) as source:
        assert isinstance(source, Source)
        assert source.size == (320, 240)
        assert [frame.image.shape for frame in source] == [(240, 320, 3)] * 2


def test_opening_a_file_imports_no_camera_library(corner):
    open_source(corner).close()
    assert "picamera2" not in sys.modules
