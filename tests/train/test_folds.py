import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.data.dataset import Dataset, Faces
from ferlite.errors import DataError
from ferlite.train.folds import deal, divide

FOLDS = 3


@st.composite
def drawn(draw):
    """A data set of up to 120 faces of 3 classes and some 30 persons, with an official validation and test split."""
    count = draw(st.integers(30, 120))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    images = np.zeros((count, 1, 1), np.uint8)
    faces = Faces(images, rng.integers(0, 3, count), np.arange(count), rng.integers(0, 30, count))
    where = np.arange(count) % 10
    splits = {"train": faces[where < 6], "validation": faces[where == 6], "test": faces[where > 6]}
    return Dataset("drawn", ("happy", "sad", "fear"), splits, "0")


def all_folds(data, method, seed=0):
    return [divide(data, method, FOLDS, fold, seed).splits for fold in range(FOLDS)]


@given(drawn(), st.sampled_from(["stratified", "by-person"]))
def test_every_face_is_tested_once_and_is_in_one_split_of_a_fold(data, method):
    pool = np.sort(np.concatenate([data.splits["train"].rows, data.splits["validation"].rows]))
    folds = all_folds(data, method)
    for splits in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([f.rows for f in splits.values()])), pool)
    np.testing.assert_array_equal(np.sort(np.concatenate([splits["test"].rows for splits in folds])), pool)


@given(drawn())
def test_no_person_is_in_two_splits(data):
    for splits in all_folds(data, "by-person"):
        persons = [set(faces.groups.tolist()) for faces in splits.values()]
        assert sum(map(len, persons)) == len(set.union(*persons))


@given(drawn())
def test_classes_are_shared_evenly_face_by_face(data):
    counts = [np.bincount(splits["test"].labels, minlength=3) for splits in all_folds(data, "stratified")]
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(np.sum(counts, axis=1)) <= 3
    for splits in all_folds(data, "stratified"):
        rest = np.bincount(np.concatenate([splits["train"].labels, splits["validation"].labels]), minlength=3)
        assert (np.abs(np.bincount(splits["validation"].labels, minlength=3) - rest / 10) < 1).all()


def test_classes_are_shared_nearly_evenly_by_person():
    rng = np.random.default_rng(0)
    labels, persons = rng.choice(4, 3000, p=[0.6, 0.3, 0.08, 0.02]), rng.geometric(0.004, 3000)
    folds = deal(labels, persons, 5, seed=0)
    counts = np.array([np.bincount(labels[folds == fold], minlength=4) for fold in range(5)])
    assert np.abs(counts / counts.sum(0) - 0.2).max() < 0.02


@given(drawn(), st.sampled_from(["stratified", "by-person"]))
def test_the_same_seed_gives_the_same_folds(data, method):
    first, again = (divide(data, method, FOLDS, 1, 5).splits for _ in range(2))
    assert all(first[name].rows.tolist() == again[name].rows.tolist() for name in first)


def test_another_seed_gives_others():
    labels = np.arange(90) % 3
    assert (deal(labels, np.arange(90), 3, 0) != deal(labels, np.arange(90), 3, 1)).any()


def test_official_splits_stay_as_they_are():
    data = Dataset("x", ("happy",), {}, "0")
    assert divide(data, "official", 5, 0, 0) is data


def test_too_few_persons_are_named():
    faces = Faces(np.zeros((40, 1, 1), np.uint8), np.zeros(40, int), np.arange(40), np.arange(40) // 20)
    with pytest.raises(DataError, match="x has too few faces or persons for 3 folds"):
        divide(Dataset("x", ("happy",), {"train": faces}, "0"), "by-person", 3, 2, 0)
