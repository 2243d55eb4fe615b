import numpy as np
import pytest

pytest.importorskip("keras")

from ferlite import Classifier
from ferlite.errors import DataError, MissingFileError
from ferlite.models import eigenfaces
from ferlite.models.labels import LABELS
from ferlite.train import recipes
from ferlite.train.epochs import make_epoch
from ferlite.train.teachers import Teachers

SEVEN = Classifier.load("ferlite-m").labels


@pytest.fixture(scope="module")
def faces():
    return eigenfaces.load().sample(14, seed=1)[0]


@pytest.mark.parametrize("name", ["ferlite-m", "ferlite-m-float32"])
def test_a_shipped_model_answers_with_its_softened_logits(name, faces):
    logits = Classifier.load(name).logits(faces) / 2
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(Teachers([name], SEVEN, temperature=2)(faces), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("yunet", DataError, "no classifier"),
        ("ferlite-m-ferplus", DataError, "contempt"),
        ("none.tflite", MissingFileError, "none.tflite"),
        ("ferlite-x", MissingFileError, "train it first"),
    ],
)
def test_who_can_t_teach_is_named(name, error, words):
    with pytest.raises(error, match=words):
        Teachers([name], SEVEN, temperature=2)


def test_the_second_head_learns_votes_and_answers_half_and_half_but_nothing_of_no_face(data):
    part = data.split("train")
    shares = np.zeros((len(part), 8), np.float32)
    shares[1:, 0] = 1
    recipe = recipes.Recipe(name="two", network="small", size=16, epochs=1, ferplus_head=1)
    teachers = Teachers(["ferlite-m-ferplus"], LABELS, temperature=1)
    epoch = make_epoch(
        0, part, np.eye(2, dtype=np.float32)[part.labels], recipe, shares=shares, ferplus_teachers=teachers
    )
    wanted = 0.5 * np.eye(8, dtype=np.float32)[0] + 0.5 * teachers(epoch.images[..., 0])
    nothing = ~epoch.targets[:, 2:].any(axis=1)
    assert nothing.sum() == 1
    np.testing.assert_allclose(epoch.targets[~nothing, 2:], wanted[~nothing], atol=1e-6)
