import csv
import os

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.data.dataset import Faces, identical_to
from ferlite.data.load import load_dataset
from ferlite.data.pictures import read_grey
from ferlite.data.splits import SPLITS, balanced_draw
from ferlite.errors import DataError, MissingFileError, UnknownNameError
from ferlite.models.labels import FER2013_LABELS
from ferlite.models.preprocess import to_grey, to_size

USAGES = ("Training", "PublicTest", "PrivateTest")


def write_csv(path, rows, header=("emotion", "pixels", "Usage")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def face(value):
    return " ".join([str(value)] * 2304)


def write_tree(root, classes, count=3):
    for name in classes:
        (root / name).mkdir(parents=True)
        for i in range(count):
            cv2.imwrite(str(root / name / f"{i}.png"), np.full((60, 50), 10 * i, np.uint8))
    return root


@pytest.mark.parametrize("header", [("emotion", "pixels", "Usage"), ("emotion", " Usage", " pixels")])
def test_both_forms_of_the_csv_are_read(tmp_path, header):
    rows = [(3, face(7), "Training"), (0, face(9), "PublicTest"), (6, face(11), "PrivateTest")]
    if header[1] == " Usage":
        rows = [(a, c, b) for a, b, c in rows]
    data = load_dataset(write_csv(tmp_path / "x.csv", rows, header))
    assert data.label_names == FER2013_LABELS
    for split, usage, label, value in zip(SPLITS, USAGES, (3, 0, 6), (7, 9, 11), strict=True):
        faces = data.split(usage)
        assert faces is data.split(split)
        assert faces.labels.tolist() == [label]
        assert (faces.images == value).all()
        assert faces.images.shape == (1, 48, 48)


def test_rows_keep_their_number_for_joining_other_tables(tmp_path):
    rows = [(0, face(1), "PublicTest"), (1, face(2), "Training"), (2, face(3), "PublicTest")]
    assert load_dataset(write_csv(tmp_path / "x.csv", rows)).split("validation").rows.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (("7", face(1), "Training"), "line 3: emotion 7 is not one of 0 to 6"),
        (("happy", face(1), "Training"), "line 3: .*happy"),
        (("1", "1 2 3", "Training"), "line 3: 3 pixels instead of 2304"),
        (("1", face(256), "Training"), "line 3: a pixel lies outside 0 to 255"),
        (("1", face("x"), "Training"), "line 3: "),
        (("1", face(2**70), "Training"), "line 3: "),
        (("9" * 5000, face(1), "Training"), "line 3: "),
        (("1", face(1), "Holdout"), "line 3: Usage is 'Holdout'"),
        (("1",), "line 3: the row is cut short"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, complaint):
    path = write_csv(tmp_path / "x.csv", [(0, face(1), "Training"), row])
    with pytest.raises(DataError, match=rf"x\.csv, {complaint}"):
        load_dataset(path)


def test_a_missing_column_is_named(tmp_path):
    path = write_csv(tmp_path / "x.csv", [(1, "Training")], ("emotion", "Usage"))
    with pytest.raises(DataError, match="lacks the column pixels"):
        load_dataset(path)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = write_csv(tmp_path / "x.csv", [(0, face(1), "Training")])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load_dataset(path).split("train")) == 1


def test_a_bad_row_behind_blank_lines_has_the_number_that_an_editor_shows(tmp_path):
    path = write_csv(tmp_path / "x.csv", [(0, face(1), "Training")])
    path.write_text(path.read_text() + "\n\n9,1,Training\n")
    with pytest.raises(DataError, match="line 5: "):
        load_dataset(path)


def test_a_class_folder_beside_the_splits_is_not_dropped_silently(tmp_path):
    write_tree(tmp_path / "train", ["happy", "sad"])
    write_tree(tmp_path / "mix", ["happy"])
    with pytest.raises(DataError, match="mix lies beside train and test"):
        load_dataset(tmp_path)


def test_pictures_are_made_grey_and_resized_as_on_the_device(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (24, 31, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), image)
    np.testing.assert_array_equal(read_grey(tmp_path / "a.png"), to_size(to_grey(image), (48, 48)))


def test_a_csv_without_rows_and_one_that_is_no_text_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds no rows"):
        load_dataset(write_csv(tmp_path / "x.csv", []))
    (tmp_path / "photo.csv").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match=r"photo\.csv"):
        load_dataset(tmp_path / "photo.csv")


def test_a_missing_data_set_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.csv"):
        load_dataset(tmp_path / "none.csv")


def test_a_folder_per_class_is_read_with_a_tenth_drawn_for_validation(tmp_path):
    data = load_dataset(write_tree(tmp_path / "faces", ["Happiness", "sad"], count=20))
    assert data.label_names == ("happy", "sad")
    assert np.bincount(data.split("train").labels).tolist() == [18, 18]
    assert np.bincount(data.split("validation").labels).tolist() == [2, 2]


def test_the_kaggle_folders_of_fer2013_keep_their_public_and_private_test(tmp_path):
    write_tree(tmp_path / "train", FER2013_LABELS)
    for name in FER2013_LABELS:
        (tmp_path / "test" / name).mkdir(parents=True)
        for kind in ("PublicTest", "PrivateTest"):
            cv2.imwrite(str(tmp_path / "test" / name / f"{kind}_1.png"), np.zeros((48, 48), np.uint8))
    data = load_dataset(tmp_path)
    assert {split: len(faces) for split, faces in data.splits.items()} == {"train": 21, "validation": 7, "test": 7}
    assert data.label_names == FER2013_LABELS


def test_an_empty_class_folder_is_named(tmp_path):
    write_tree(tmp_path, ["happy"])
    (tmp_path / "sad").mkdir()
    with pytest.raises(DataError, match=r"sad holds no pictures"):
        load_dataset(tmp_path)


def test_a_picture_that_does_not_decode_is_named(tmp_path):
    write_tree(tmp_path, ["happy", "sad"])
    (tmp_path / "sad" / "1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"1\.png does not decode"):
        load_dataset(tmp_path)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    write_tree(tmp_path / "faces", ["happy", "sad"])
    os.mkfifo(tmp_path / "faces" / "sad" / "pipe.png")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match=r"pipe\.png is named as a picture but is no file"):
        load_dataset(tmp_path / "faces")
    with pytest.raises(MissingFileError, match=r"no data set at .*pipe\.csv"):
        load_dataset(tmp_path / "pipe.csv")


@pytest.mark.parametrize("path", ["x" * 300, "a\0b", "/dev/null/x"])
def test_a_path_that_no_file_can_have_is_a_missing_one(path):
    with pytest.raises(MissingFileError):
        load_dataset(path)


def test_a_class_folder_of_an_unknown_label_is_refused_with_the_nearest(tmp_path):
    write_tree(tmp_path, ["hapy"])
    with pytest.raises(UnknownNameError, match="did you mean 'happy'"):
        load_dataset(tmp_path)


def test_a_folder_without_class_folders_is_refused(tmp_path):
    with pytest.raises(DataError, match="no class folders"):
        load_dataset(tmp_path)


def test_an_unknown_split_is_refused_with_the_nearest(tmp_path):
    data = load_dataset(write_csv(tmp_path / "x.csv", [(0, face(1), "Training")]))
    with pytest.raises(UnknownNameError, match="did you mean 'train'"):
        data.split("trian")
    with pytest.raises(UnknownNameError, match="'PublicTest'; known: train"):
        data.split("PublicTest")


@given(st.lists(st.integers(0, 6), min_size=1, max_size=300), st.integers(0, 400), st.integers(0, 5))
def test_a_balanced_draw_is_as_even_as_the_classes_allow(labels, count, seed):
    codes = np.array(labels)
    drawn = balanced_draw(codes, count, seed)
    assert len(drawn) == len(set(drawn.tolist())) == min(count, len(codes))
    had, got = np.bincount(codes, minlength=7), np.bincount(codes[drawn], minlength=7)
    exhausted = got == had
    assert got.max(initial=0) - got[~exhausted].min(initial=got.max(initial=0)) <= 1


def test_identical_faces_are_marked():
    images = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    faces = Faces(images, np.zeros(5, int), np.arange(5))
    assert identical_to(faces, faces[np.array([1, 3])]).tolist() == [False, True, False, True, False]


def test_fer2013_has_its_published_counts_and_its_known_duplicates(fer2013):
    assert np.bincount(fer2013.split("Training").labels).tolist() == [3995, 436, 4097, 7215, 4830, 3171, 4965]
    assert np.bincount(fer2013.split("PublicTest").labels).tolist() == [467, 56, 496, 895, 653, 415, 607]
    assert np.bincount(fer2013.split("PrivateTest").labels).tolist() == [491, 55, 528, 879, 594, 416, 626]
    train = fer2013.split("train")
    assert identical_to(fer2013.split("validation"), train).sum() == 280
    assert identical_to(fer2013.split("test"), train).sum() == 288
