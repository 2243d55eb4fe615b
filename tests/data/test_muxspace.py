import cv2
import numpy as np
import pytest

from ferlite.data.dataset import Faces
from ferlite.data.load import load_dataset
from ferlite.errors import DataError

LEGEND = [
    ("Ann_Lee_0001.jpg", "HAPPINESS"),
    ("Ann_Lee_0002.jpg", "happiness"),
    ("Ann_Lee_0002.jpg", "Happiness"),  # twice
    ("Bo_Chi_0001.jpg", "contempt"),
    ("Bo_Chi_0001.jpg", "anger"),  # with another label
    ("Film_7.jpg", "neutral"),
    ("Film_12.jpg", "neutral"),
    ("one.jpg", "sadness"),
    ("two.jpg", "sadness"),
    ("Twin_Lee_0001.jpg", "sadness"),  # the picture of Ann_Lee_0001
]


def write(root, legend, place="legend.csv"):
    (root / "images").mkdir(parents=True)
    values = {name: 20 * i for i, name in enumerate(dict.fromkeys(name for name, _ in legend))}
    values |= {"Twin_Lee_0001.jpg": values["Ann_Lee_0001.jpg"]}
    for name, value in values.items():
        cv2.imwrite(str(root / "images" / name), np.full((96, 96), value, np.uint8))
    lines = ["user.id,image,emotion", *(f"1,{name},{emotion}" for name, emotion in legend)]
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def faces(tmp_path):
    return load_dataset(write(tmp_path / "faces", LEGEND)).split("train")


def test_labels_are_read_in_either_case_and_a_picture_counts_once(tmp_path):
    data = load_dataset(write(tmp_path, LEGEND))
    assert data.label_names == ("happy", "sad", "neutral")
    assert np.bincount(data.split("train").labels).tolist() == [2, 3, 2]
    assert data.split("train").images.shape == (7, 48, 48)


def test_persons_and_identical_pictures_are_groups(faces):
    ann, ann2, film, film2, one, two, twin = faces.groups.tolist()
    assert ann == ann2 == twin
    assert film == film2
    assert len({ann, film, one, two}) == 4


def test_the_legend_may_lie_in_data(tmp_path, faces):
    assert len(load_dataset(write(tmp_path / "x", LEGEND, "data/legend.csv")).split("train")) == len(faces)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("user.id,image\n1,one.jpg\n", "lacks the column emotion"),
        ("user.id,image,emotion\n1,one.jpg\n", "line 2: the row is cut short"),
        ("user.id,image,emotion\n1,one.jpg,hapy\n", "line 2: .*did you mean 'happy'"),
        ("user.id,image,emotion\n1,none.jpg,happy\n", r"names none\.jpg, which is not in"),
        ("user.id,image,emotion\n", "lists no pictures"),
        ("user.id,image,emotion\n1,one.jpg,happy\n1,one.jpg,sad\n", "or each with several labels"),
        ("user.id,image,emotion\n1,../../one.jpg,happy\n", r"line 2: a picture can't be called '\.\./\.\./one\.jpg'"),
        ("user.id,image,emotion\n1,/etc/hostname,happy\n", "line 2: a picture can't be called"),
        ("user.id,image,emotion\n1,a\0b.jpg,happy\n", "line 2: a picture can't be called"),
        (f"user.id,image,emotion\n1,{'x' * 300}.jpg,happy\n", "line 2: a picture can't be called"),
        (b"\xff\xfe\x00", "is not a csv file"),
    ],
)
def test_a_bad_legend_is_named(tmp_path, content, complaint):
    write(tmp_path, LEGEND)
    (tmp_path / "legend.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=rf"legend\.csv.*{complaint}"):
        load_dataset(tmp_path)


def test_the_published_folder_has_its_known_counts(real_data):
    folder = real_data / "facial_expressions"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    data = load_dataset(folder)
    faces = Faces.joined(list(data.splits.values()))
    counts = dict(zip(data.label_names, np.bincount(faces.labels).tolist(), strict=True))
    # One of 13,682 pictures is listed as happiness and as surprise.
    assert len(faces) == 13_681
    assert (counts["neutral"], counts["happy"], counts["fear"], counts["contempt"]) == (6864, 5693, 21, 9)
    assert np.unique(faces.groups, return_counts=True)[1].max() == 520
