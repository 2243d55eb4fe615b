import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferlite.data.dataset import Dataset
from ferlite.errors import DataError, MissingFileError, UnknownNameError, UsageError
from ferlite.models import eigenfaces
from ferlite.models.labels import FER2013_LABELS

LARGEST_LIKENESS = 0.96  # blurred frontal faces are all alike; a copied picture would be at 0.99 or above


def standardised(faces: np.ndarray) -> np.ndarray:
    flat = faces.reshape(len(faces), -1).astype(np.float32)
    flat = flat[flat.std(1) > 0]
    flat -= flat.mean(1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def test_the_shipped_file_is_small_and_says_where_it_comes_from():
    model = eigenfaces.load()
    assert model.labels == FER2013_LABELS
    assert eigenfaces.PATH.stat().st_size <= 600_000
    assert model.about["data"] == "FER2013"
    assert len(model.about["data_sha256"]) == 64
    assert model.about["components"] == len(model.components)
    assert eigenfaces.load() is model


def test_samples_are_the_same_on_every_machine():
    images, labels = eigenfaces.load().sample(70, seed=1)
    assert images.shape == (70, 48, 48)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    assert (
        hashlib.sha256(images.tobytes()).hexdigest()
        == "3b6570edd004393aafb8a97ff74ee69bf1d290e8d4f450441ef415b9f64c50cf"
    )


def test_samples_are_balanced_and_follow_the_seed():
    model = eigenfaces.load()
    images, labels = model.sample(30, seed=5)
    again = model.sample(30, seed=5)
    np.testing.assert_array_equal(images, again[0])
    np.testing.assert_array_equal(labels, again[1])
    assert sorted(np.bincount(labels)) == [4, 4, 4, 4, 4, 5, 5]
    assert (images != model.sample(30, seed=6)[0]).any()
    assert model.sample(0, seed=0)[0].shape == (0, 48, 48)


def test_every_face_has_the_same_brightness_and_contrast():
    images, _ = eigenfaces.load().sample(70, seed=2)
    assert np.abs(images.mean((1, 2)) - 130).max() < 1
    assert np.abs(images.std((1, 2)) - 48).max() < 1


def test_a_nearest_mean_classifier_tells_the_expressions_of_samples_apart():
    model = eigenfaces.load()
    images, labels = model.sample(700, seed=3)
    means = [model.render(model.coefficients(n, np.random.default_rng(0), spread=0)) for n in model.labels]
    likeness = standardised(images) @ standardised(np.stack(means)).T
    assert (likeness.argmax(1) == labels).mean() > 0.4


def test_the_same_random_numbers_make_the_same_person():
    model = eigenfaces.load()

    def deviation(label: str, person: int) -> np.ndarray:
        drawn, mean = (model.coefficients(label, np.random.default_rng(person), spread) for spread in (0.3, 0))
        return drawn - mean

    np.testing.assert_array_equal(deviation("happy", 1), deviation("sad", 1))
    assert (deviation("happy", 1) != deviation("happy", 2)).any()


def test_no_spread_gives_the_mean_whatever_the_randomness():
    model = eigenfaces.load()
    first, second = (model.coefficients("fear", np.random.default_rng(s), spread=0) for s in (0, 1))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32


def test_wrong_arguments_are_named():
    model = eigenfaces.load()
    rng = np.random.default_rng(0)
    with pytest.raises(UnknownNameError, match="did you mean 'happy'"):
        model.coefficients("hapy", rng)
    with pytest.raises(UsageError, match="spread"):
        model.coefficients("happy", rng, spread=-1)
    with pytest.raises(UsageError, match="count"):
        model.sample(-1, seed=0)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(MissingFileError, match=r"none\.npz"):
        eigenfaces.load(tmp_path / "none.npz")


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_damaged_file_is_an_error_or_does_not_matter(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    content = bytearray(eigenfaces.PATH.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "eigenfaces.npz"
    path.write_bytes(content)
    try:
        damaged, words = eigenfaces.load.__wrapped__(path), ""
    except DataError as error:
        damaged, words = eigenfaces.load(), str(error)
    assert not words or (str(path) in words and "install ferlite again" in words)
    # What was not noticed is a date or an attribute of an entry: nothing that is read.
    for name in ("mean", "components", "means", "root"):
        np.testing.assert_array_equal(getattr(damaged, name), getattr(eigenfaces.load(), name))


def test_nothing_in_the_file_is_a_picture_and_no_sample_repeats_one(
    fer2013: Dataset,
):
    """The largest likeness of anything stored or drawn with a training picture, beside the likeness
    with pictures that the statistics never saw: a model that had learnt faces by heart would stand out."""
    model = eigenfaces.load()
    assert model.about["data_sha256"] == fer2013.sha256
    seen = standardised(fer2013.split("train").images)
    unseen = standardised(np.concatenate([fer2013.split(n).images for n in ("validation", "test")]))
    class_means = [model.render(model.coefficients(n, np.random.default_rng(0), spread=0)) for n in model.labels]
    stored = {
        "mean": model.mean[None],
        "class means": np.stack(class_means),
        "components": model.components,
        "samples": model.sample(210, seed=4)[0],
    }
    for name, pictures in stored.items():
        likeness, control = (np.abs(standardised(pictures) @ faces.T).max() for faces in (seen, unseen))
        assert likeness < LARGEST_LIKENESS, name
        assert likeness < control + 0.05, name
