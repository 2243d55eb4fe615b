import numpy as np
import pytest

from ferlite.data import ferplus
from ferlite.data.dataset import Dataset, make_dataset
from ferlite.errors import DataError, MissingFileError
from ferlite.models.labels import FER2013_LABELS

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
USAGES = ("Training",) * 5 + ("PublicTest",) * 2 + ("PrivateTest",)
SPLITS = ("train",) * 5 + ("validation",) * 2 + ("test",)


@pytest.fixture
def votes(tmp_path):
    lines = [f"{usage},,0,10,0,0,0,0,0,0,0,0" for usage in USAGES]
    (tmp_path / "votes.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return ferplus.read(tmp_path / "votes.csv")


@pytest.fixture
def data():
    images = np.arange(len(SPLITS), dtype=np.uint8)[:, None, None] * np.ones((1, 16, 16), np.uint8)
    return make_dataset("x", FER2013_LABELS, images, [FER2013_LABELS.index("happy")] * len(SPLITS), SPLITS)


def test_votes_for_other_data_are_refused(data, votes):
    fewer = Dataset("x", data.label_names, {"train": data.split("train")}, "0")
    with pytest.raises(DataError, match=r"votes\.csv has 8 rows and x 5"):
        votes.check(fewer)
    other = Dataset("x", data.label_names, data.splits | {"validation": data.split("test")} |
                             {"test": data.split("validation")}, "0")  # fmt: skip
    with pytest.raises(DataError, match=r"row 7 is in validation in x and in test in .*votes\.csv"):
        votes.check(other)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEADER.replace(",NF", ""), "lacks the column NF"),
        (HEADER, "holds no rows"),
        (HEADER + "\nTraining,,1,2,3\n", "line 2: "),
        (HEADER + "\nTraining,,1,2,3,4,5,6,7,8,9,x\n", "line 2: .*'x'"),
        (HEADER + "\nTraining,,-1,2,3,4,5,6,7,8,9,0\n", "line 2: -1 votes; 10 people voted"),
        (HEADER + "\nTraining,,1,2,3,4,5,6,7,8,9,99999999999999999999\n", "line 2: 9+ votes; 10 people voted"),
        (HEADER + "\nTraining,,1,2,3,4,5,6,7,8,9," + "9" * 200_000, "is not a csv file: field larger than"),
        (HEADER.replace("Image name,", ""), "lacks the column Image name"),
        (HEADER + "\nHoldout,,1,2,3,4,5,6,7,8,9,0\n", "line 2: there is no split 'Holdout'"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, complaint):
    (tmp_path / "votes.csv").write_text(text)
    with pytest.raises(DataError, match=rf"votes\.csv,? ?{complaint}"):
        ferplus.read(tmp_path / "votes.csv")
    with pytest.raises(MissingFileError):
        ferplus.read(tmp_path / "none.csv")


# As published: a picture with a number but no name, one that is there twice, and one without a number.
IMAGES = [f"fer{number:07}.png" if number >= 0 else "" for number in (0, 1, -1, 3, 5, -1, 4, 5, 6)]


def in_order(images, tmp_path):
    lines = [f"Training,{image},0,10,0,0,0,0,0,0,0,0" for image in images]
    (tmp_path / "votes.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return ferplus.read(tmp_path / "votes.csv")


@pytest.mark.parametrize(
    "moved", [sorted(IMAGES), IMAGES[::-1], [IMAGES[1], IMAGES[0], *IMAGES[2:]], IMAGES[:2] + IMAGES[3:], ["a"]]
)
def test_rows_that_were_sorted_within_a_split_are_refused(tmp_path, moved):
    assert len(in_order(IMAGES, tmp_path).splits) == len(IMAGES)
    with pytest.raises(DataError, match=r"votes\.csv: the rows around \S+ are not in their own order; download"):
        in_order(moved, tmp_path)


def test_the_published_votes_go_with_fer2013(real_data, fer2013):
    ferplus.read(real_data / "fer2013new.csv").check(fer2013)
