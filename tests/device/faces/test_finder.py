import csv

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.device.faces.finder import MAX_FACES_MOVING, FaceFinder
from ferlite.device.faces.yunet import DETECTOR_SIZE, fit
from ferlite.device.sources.virtual import VirtualCamera
from ferlite.errors import DataError, UsageError
from ferlite.models import eigenfaces, registry
from ferlite.models.runtime import LoadedModel


def scene(*squares, size=(480, 640)):
    """Draw the mean neutral face into a frame, BGR, at squares of x, y and side in pixels."""
    faces = eigenfaces.load()
    face = faces.render(faces.coefficients("neutral", np.random.default_rng(0), spread=0))
    frame = np.full(size, 128, np.uint8)
    for x, y, side in squares:
        patch = cv2.copyMakeBorder(face, 8, 8, 8, 8, cv2.BORDER_REPLICATE)
        frame[y : y + side, x : x + side] = cv2.resize(patch, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)


def iou(a, b):
    """Intersection over union of two boxes x, y, width, height."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    wide = min(ax + aw, bx + bw) - max(ax, bx)
    high = min(ay + ah, by + bh) - max(ay, by)
    shared = max(wide, 0) * max(high, 0)
    return shared / (aw * ah + bw * bh - shared)


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


@pytest.fixture(scope="module")
def portrait(media):
    return cv2.imread(str(media / "obama_official_portrait.jpg"))


def test_a_face_is_found_where_it_is_drawn(finder):
    (face,) = finder.find(scene((300, 120, 240)))
    x, y, width, height = face.box
    assert 300 < x < x + width < 540
    assert 120 < y < y + height < 360
    assert 0.6 < face.score <= 1


def test_landmarks_are_eyes_nose_and_mouth_each_from_left_to_right(finder):
    (face,) = finder.find(scene((300, 120, 240)))
    (eye_x, eye_y), (other_eye_x, other_eye_y), (nose_x, nose_y), *mouth = face.landmarks
    assert face.landmarks.shape == (5, 2)
    assert face.landmarks.dtype == np.float32
    assert eye_x + 40 < other_eye_x
    assert abs(eye_y - other_eye_y) < 12
    assert eye_x < nose_x < other_eye_x
    assert max(eye_y, other_eye_y) < nose_y < min(y for _, y in mouth)
    assert mouth[0][0] < mouth[1][0]


def test_faces_come_largest_first_and_no_more_than_asked_for(finder):
    frame = scene((20, 60, 140), (200, 120, 240), (470, 80, 100))
    sizes = [face.box[2] * face.box[3] for face in finder.find(frame)]
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)
    one = FaceFinder(max_faces=1).find(frame)
    assert [face.box[2] * face.box[3] for face in one] == sizes[:1]


@pytest.mark.parametrize("side", [40, 60, 120, 180, 240])
def test_a_face_is_found_far_away_and_close_up(finder, side):
    faces, _ = eigenfaces.load().sample(14, seed=1)
    found = 0
    for face in faces:
        frame = np.full((*DETECTOR_SIZE, 3), 128, np.uint8)
        frame[8 : 8 + side, 40 : 40 + side] = cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC)[..., None]
        found += len(finder.find(frame)) == 1
    assert found >= 12


def test_a_face_gives_one_box(finder):
    boxes = FaceFinder(score=0.3).boxes(scene((60, 60, 360)))
    overlaps = [iou(a[:4], b[:4]) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
    assert len(boxes) >= 1
    assert max(overlaps, default=0) <= 0.3


def test_boxes_and_landmarks_are_in_pixels_of_the_frame_at_any_size(finder):
    frame = scene((300, 120, 240))
    (face,) = finder.find(frame)
    for factor in (0.5, 3.3, 6.25):
        (scaled,) = finder.find(cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))
        assert iou(np.array(scaled.box) / factor, face.box) > 0.8
        np.testing.assert_allclose(scaled.landmarks / factor, face.landmarks, atol=8)


def test_a_tall_frame_is_searched_whole(finder):
    for y in (0, 560):
        (face,) = finder.find(scene((60, y, 240), size=(800, 360)))
        assert y < face.landmarks[2, 1] < y + 240


def test_grey_and_bgra_frames_give_the_faces_of_the_bgr_frame(finder):
    frame = scene((300, 120, 240))
    (expected,) = finder.find(frame)
    grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    for other in (grey, grey[..., None], cv2.cvtColor(frame, cv2.COLOR_BGR2BGRA), frame[:, ::-1][:, ::-1]):
        (face,) = finder.find(other)
        assert face.box == expected.box
        np.testing.assert_array_equal(face.landmarks, expected.landmarks)


@pytest.mark.parametrize("edge", ["top", "bottom", "left", "right"])
def test_a_face_cut_by_the_edge_keeps_its_landmarks(finder, edge):
    frame = scene((300, 120, 240))
    boxes = finder.boxes(frame)
    x, y, width, height = boxes[0, :4].round().astype(int)
    margin = height // 5
    top, left = (y + margin) * (edge == "top"), (x + margin) * (edge == "left")
    bottom = y + height - margin if edge == "bottom" else 480
    right = x + width - margin if edge == "right" else 640
    (whole,) = finder.landmarks(frame, boxes)
    (cut,) = finder.landmarks(frame[top:bottom, left:right], boxes - np.array([left, top, 0, 0, 0], np.float32))
    np.testing.assert_allclose(cut.landmarks + np.array([left, top], np.float32), whole.landmarks, atol=0.1 * height)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1), (1, 4000), (4000, 1, 4), (3000, 4000, 3), (2, 2, 1), (17, 3, 3)])
def test_a_frame_without_faces_of_any_shape_gives_none(finder, shape):
    assert finder.find(np.full(shape, 90, np.uint8)) == []


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((48, 48), np.float32),
        np.zeros((0, 48, 3), np.uint8),
        np.zeros((48, 48, 2), np.uint8),
        np.zeros((1, 48, 48, 3), np.uint8),
        np.zeros(48, np.uint8),
    ],
)
def test_what_is_no_picture_is_a_clear_error(finder, image):
    with pytest.raises(DataError, match="a picture must be"):
        finder.find(image)
    with pytest.raises(DataError, match="a picture must be"):
        finder.landmarks(image, np.zeros((1, 5), np.float32))


@pytest.mark.parametrize(
    ("name", "value"),
    [("score", 0), ("score", 1.5), ("gate", -0.1), ("gate", float("nan")), ("max_faces", 0), ("max_faces", 2.5)],
)
def test_an_option_out_of_range_is_an_error_that_names_option_value_and_range(name, value):
    with pytest.raises(UsageError, match=rf"FaceFinder\.{name} is {value!r}; it must be "):
        FaceFinder(**{name: value})


def test_the_limit_counts_faces_that_passed_the_gate_not_boxes_before_it(finder):
    frame = scene((300, 120, 240))
    grey_wall = np.array([[20, 20, 200, 200, 0.9]], np.float32)
    boxes = np.concatenate([grey_wall, finder.boxes(frame)])
    (expected,) = finder.landmarks(frame, boxes)
    (face,) = FaceFinder(max_faces=1).landmarks(frame, boxes)
    assert face.box == expected.box


def crowd():
    """Draw a picture of fifty faces."""
    camera = VirtualCamera(size=(192, 192))
    return np.vstack([np.hstack([camera.frame(9 * row + column).image for column in range(10)]) for row in range(5)])


def test_a_still_picture_gives_more_faces_than_a_moving_one(finder):
    picture = crowd()
    still, moving = finder.find(picture), finder.find(picture, still=False)
    assert len(still) > MAX_FACES_MOVING == len(moving)
    assert [face.box for face in moving] == [face.box for face in still[:MAX_FACES_MOVING]]


def test_the_gate_drops_boxes_without_a_face(finder):
    frame = scene((300, 120, 240))
    grey_wall = np.array([[20, 20, 100, 100, 0.9]], np.float32)
    boxes = np.concatenate([finder.boxes(frame), grey_wall])
    assert len(finder.landmarks(frame, boxes)) == len(boxes) - 1
    assert len(FaceFinder(gate=0).landmarks(frame, boxes)) == len(boxes)


@pytest.mark.parametrize("roll", [45, -45])
def test_a_head_too_tilted_to_be_seen_upright_is_found_with_its_landmarks_in_place(finder, roll):
    frame = scene((180, 80, 240), size=(400, 700))
    (upright,) = finder.find(frame)
    matrix = cv2.getRotationMatrix2D((300, 200), roll, 1)
    tilted = cv2.warpAffine(frame, matrix, frame.shape[1::-1], borderValue=(128, 128, 128))
    assert finder.landmarks(tilted, finder.boxes(tilted)) == []
    (face,) = finder.find(tilted)
    np.testing.assert_allclose(face.landmarks, upright.landmarks @ matrix[:, :2].T + matrix[:, 2], atol=15)
    x, y, width, height = face.box
    assert (np.abs(face.landmarks.mean(axis=0) - (x + width / 2, y + height / 2)) < 0.15 * height).all()


def test_a_box_outside_of_the_frame_is_no_face():
    boxes = np.array([[-500, 10, 50, 50, 0.9], [700, 10, 50, 50, 0.9], [10, 900, 50, 50, 0.9]], np.float32)
    assert FaceFinder(gate=0).landmarks(scene(), boxes) == []


@given(height=st.integers(1, 900), width=st.integers(1, 900))
def test_a_fitted_frame_keeps_its_aspect_fills_one_side_and_is_black_beyond(height, width):
    picture, (across, down) = fit(np.full((height, width, 3), 255, np.uint8))
    wide, high = width / across, height / down
    assert picture.shape == (256, 320, 3)
    assert wide == pytest.approx(320) or high == pytest.approx(256)
    assert abs(wide - width * min(320 / width, 256 / height)) <= 1
    assert abs(high - height * min(320 / width, 256 / height)) <= 1
    assert (picture[: round(high), : round(wide)] == 255).all()
    assert not picture[round(high) :].any()
    assert not picture[:, round(wide) :].any()


def test_a_fitted_frame_is_rgb():
    blue = np.zeros((256, 320, 3), np.uint8)
    blue[..., 0] = 200
    assert fit(blue)[0][0, 0].tolist() == [0, 0, 200]


def test_the_detector_takes_the_pixel_minus_128():
    (pixels,) = LoadedModel(registry.path("yunet")).inputs
    assert pixels["dtype"] == np.int8
    assert pixels["quantization"] == (1.0, -128)


def test_every_annotated_face_on_the_photos_is_found_and_nothing_else(finder, media):
    annotated = {}
    with (media / "voc_faces" / "boxes.csv").open() as file:
        for row in csv.DictReader(file):
            x1, y1, x2, y2 = (float(row[key]) for key in ("x1", "y1", "x2", "y2"))
            annotated.setdefault(row["file"], []).append((x1, y1, x2 - x1, y2 - y1))
    hits = false_alarms = 0
    for name, truths in annotated.items():
        found = [face.box for face in finder.find(cv2.imread(str(media / "voc_faces" / name)))]
        for truth in truths:
            best = max(found, key=lambda box: iou(box, truth), default=None)
            if best is not None and iou(best, truth) >= 0.4:
                hits += 1
                found.remove(best)
        false_alarms += len(found)
    assert sum(map(len, annotated.values())) == 43
    assert (hits, false_alarms) == (43, 0)


@pytest.mark.parametrize("angle", [-25, -10, 10, 25])
def test_landmarks_follow_a_turned_head(finder, portrait, angle):
    def roll(image):
        left, right, *_ = finder.find(image)[0].landmarks
        return np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0]))

    nose = tuple(finder.find(portrait)[0].landmarks[2].tolist())
    # OpenCV counts angles against the clock, the picture's axes with it.
    matrix = cv2.getRotationMatrix2D(nose, -angle, 1)
    turned = cv2.warpAffine(portrait, matrix, portrait.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    assert roll(turned) - roll(portrait) == pytest.approx(angle, abs=4)


def test_landmarks_of_a_mirrored_portrait_are_mirrored(finder, portrait):
    (face,), (mirrored,) = finder.find(portrait), finder.find(portrait[:, ::-1])
    points = mirrored.landmarks[[1, 0, 2, 4, 3]] * (-1, 1) + (portrait.shape[1], 0)
    np.testing.assert_allclose(points, face.landmarks, atol=0.05 * face.box[2])
