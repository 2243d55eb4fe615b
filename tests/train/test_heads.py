"""Two heads: what the second learns from, what it is scored on, and that the first is a network like any other."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

keras = pytest.importorskip("keras")

from ferlite.data.dataset import Dataset, Faces  # noqa: E402
from ferlite.data.ferplus import Votes  # noqa: E402
from ferlite.errors import UnknownNameError, UsageError  # noqa: E402
from ferlite.train import heads, recipes, runs  # noqa: E402
from ferlite.train.distillation import DistillationLoss  # noqa: E402
from ferlite.train.initial_weights import prepare_start  # noqa: E402
from ferlite.train.networks.build import build_network  # noqa: E402
from ferlite.train.networks.size import size_of  # noqa: E402
from ferlite.train.preparation import prepare, targets, vote_targets  # noqa: E402
from ferlite.train.training import train  # noqa: E402

TINY = recipes.Recipe(name="tiny", network="small", size=16, epochs=2, ferplus_head=0.5)
LABELS = np.eye(3, dtype=np.float32)[[0, 2]]
SHARES = np.zeros((2, 8), np.float32)
SHARES[0, [3, 6]] = 0.75, 0.25
TEACHER = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]], np.float32)


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def faces(data):
    """The faces of `data` as rows of one file, the 160 of them in the order of the splits."""
    splits, begin = {}, 0
    for name, part in data.splits.items():
        splits[name] = Faces(part.images, part.labels, begin + np.arange(len(part)))
        begin += len(part)
    return Dataset(data.name, data.label_names, splits, data.sha256)


@pytest.fixture(scope="module")
def votes(faces):
    """Seven of ten see contempt instead of happy and surprise instead of sad; every tenth picture is no face."""
    emotions, others = np.zeros((160, 8), int), np.zeros((160, 2), int)
    for part in faces.splits.values():
        emotions[part.rows[part.labels == 0], 7] = 7
        emotions[part.rows[part.labels == 1], 2] = 7
    emotions[:, 0] = 3
    others[::10, 1] = 9
    splits = [name for name, part in faces.splits.items() for _ in range(len(part))]
    return Votes("votes.csv", "3" * 64, tuple(splits), emotions, others)


def learnt(part: Faces, votes: Votes, *, soft: bool = True) -> NDArray[np.float32]:
    """The targets of the second head, which a recipe with two heads always has."""
    shares = vote_targets(part, TINY, votes, soft=soft)
    assert shares is not None
    return shares


@pytest.fixture(scope="module")
def run(faces, votes, tmp_path_factory):
    return train(TINY, faces, tmp_path_factory.mktemp("runs") / "whole", votes=votes)


def probabilities(classes, seed=0):
    exponents = np.exp(np.random.default_rng(seed).normal(size=(2, classes)))
    return (exponents / exponents.sum(1, keepdims=True)).astype(np.float32)


def both_answers():
    return np.concatenate([probabilities(3), probabilities(8)], axis=1)


def test_the_loss_is_the_sum_and_a_face_without_votes_adds_nothing():
    first: Any = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    value: Any = heads.HeadsLoss(first, 0.5)(np.concatenate([LABELS, SHARES], axis=1), both_answers())
    second = -(SHARES * np.log(probabilities(8))).sum(1)
    assert second[1] == 0
    assert float(value) == pytest.approx(float(first(LABELS, probabilities(3))) + 0.5 * second.mean(), rel=1e-5)


def test_teachers_go_on_teaching_the_first_head():
    first: Any = DistillationLoss(keras.losses.CategoricalCrossentropy(), 0.7, 3.0)
    wide = np.concatenate([LABELS, SHARES, TEACHER], axis=1)
    value: Any = heads.HeadsLoss(first, 0.0)(wide, both_answers())
    assert float(value) == pytest.approx(float(first(np.concatenate([LABELS, TEACHER], axis=1), probabilities(3))))


def test_accuracy_is_that_of_one_head_and_of_its_faces_alone():
    answered = np.concatenate([LABELS[::-1], np.eye(8)[[3, 3]]], axis=1)
    wanted = np.concatenate([LABELS, SHARES, TEACHER], axis=1)
    expected: dict[heads.Head, int] = {"labels": 0, "ferplus": 1}
    for head, share in expected.items():
        metric = heads.HeadAccuracy(head, "x")
        metric.update_state(wanted, answered)
        assert float(metric.result()) == share


def test_loss_and_accuracy_are_the_same_after_saving():
    wanted = np.concatenate([LABELS, SHARES], axis=1)
    loss: Any = heads.HeadsLoss(keras.losses.CategoricalCrossentropy(label_smoothing=0.1), 0.5)
    again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert float(again(wanted, both_answers())) == float(loss(wanted, both_answers()))
    metric = heads.HeadAccuracy.from_config(heads.HeadAccuracy("ferplus", "x").get_config())
    assert (metric.head, metric.name) == ("ferplus", "x")


def test_the_first_head_is_the_network_that_was_given():
    model = build_network("small", 7, 16)
    both = heads.add(model)
    assert both.output.shape == (None, 15)
    assert size_of(heads.first(both)) == size_of(model)
    assert heads.first(model) is model


def test_the_second_head_learns_shares_of_votes_and_nothing_from_what_is_no_face(faces, votes):
    part = prepare(faces, TINY, votes).split("train")
    shares = learnt(part, votes)
    np.testing.assert_array_equal(shares[::10], 0)
    np.testing.assert_allclose(shares[1, [5, 6]], [0.7, 0.3], rtol=1e-6)
    np.testing.assert_allclose(shares[2, [7, 6]], [0.7, 0.3], rtol=1e-6)
    assert learnt(part, votes, soft=False)[1, 5] == 1
    # The first head learns labels alone.
    np.testing.assert_array_equal(targets(part, faces.label_names, TINY, votes), np.eye(2)[part.labels])
    elsewhere = Faces(part.images, part.labels, np.full(len(part), -1))
    assert not learnt(elsewhere, votes).any()
    assert vote_targets(part, TINY.model_copy(update={"ferplus_head": 0}), votes) is None


def test_a_recipe_with_a_second_head_asks_for_votes(faces, tmp_path):
    with pytest.raises(UsageError, match="--votes"):
        train(TINY, faces, tmp_path)


def test_both_heads_are_scored_and_each_is_a_network(run, faces, votes):
    assert {"accuracy", "ferplus_accuracy", "val_accuracy", "val_ferplus_accuracy"} <= set(
        runs.read_history(run.folder)[0]
    )
    assert {key: run.info[key] for key in ("parameters", "macs")} == size_of(build_network("small", 2, 16))
    part = faces.split("validation")
    whole = keras.saving.load_model(run.folder / "best.keras").predict(part.images[..., None], verbose=0)
    for head, own in (("labels", slice(2)), ("ferplus", slice(2, None))):
        alone = run.network(head)
        assert alone.layers[-1].name == "probabilities"
        np.testing.assert_allclose(alone.predict(part.images[..., None], verbose=0), whole[:, own], atol=1e-6)
    best = runs.read_history(run.folder)[run.info["best"]["epoch"] - 1]
    majority = learnt(part, votes, soft=False)
    counted = majority.any(1)
    right = whole[counted, 2:].argmax(1) == majority[counted].argmax(1)
    assert best["val_ferplus_accuracy"] == pytest.approx(right.mean())


def test_a_head_that_is_not_there_is_refused(data, run, tmp_path):
    one = train(TINY.model_copy(update={"ferplus_head": 0, "epochs": 1}), data, tmp_path)
    with pytest.raises(UsageError, match=r"no second head; .* ferplus_head"):
        one.network("ferplus")
    with pytest.raises(UnknownNameError, match="did you mean 'ferplus'"):
        run.network("ferpluss")


def test_a_run_that_goes_on_keeps_the_heads_that_it_shares(run, faces):
    second = run.network("ferplus").get_layer("logits").kernel
    model = heads.add(build_network("small", 2, 16))
    prepare_start(model, TINY, faces.label_names, run.folder)
    np.testing.assert_array_equal(model.get_layer("logits").kernel, run.network().get_layer("logits").kernel)
    np.testing.assert_array_equal(model.get_layer(heads.LOGITS).kernel, second)
    other = build_network("small", 3, 16)
    prepare_start(other, TINY.model_copy(update={"ferplus_head": 0}), ("a", "b", "c"), run.folder)
    np.testing.assert_array_equal(other.layers[2].kernel, run.network().layers[2].kernel)


@pytest.mark.parametrize(
    "keys",
    [
        {"augmentation": {"mixup": 0.4}, "balance": "class-weights", "precision": "mixed_bfloat16", "l2": 1e-4},
        {"distillation": {"weight": 0.7}, "ema": 0.9},
        {"distillation": {"once": True}, "balance": "oversampling"},
    ],
)
def test_two_heads_resume_exactly(keys, run, faces, votes, tmp_path):
    if "distillation" in keys:
        keys["distillation"]["teachers"] = (str(run.folder),)
    recipe = recipes.change(TINY, keys)
    whole = train(recipe, faces, tmp_path / "whole", votes=votes)

    def interrupt(epoch, step, steps):
        if (epoch, step) == (2, 2):
            raise StoppedError

    with pytest.raises(StoppedError):
        train(recipe, faces, tmp_path / "resumed", votes=votes, on_step=interrupt)
    resumed = train(recipe, faces, tmp_path / "resumed", votes=votes)
    here, there = (keras.saving.load_model(one.folder / "last.keras").get_weights() for one in (resumed, whole))
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one, other)
