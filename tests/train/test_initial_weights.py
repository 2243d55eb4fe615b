"""Weights to start from: ImageNet's from a file, another run's, and what stays as it is."""

from typing import Any

import keras
import numpy as np
import pytest

from ferlite.data.dataset import Dataset
from ferlite.errors import DataError, MissingFileError, UnknownNameError, UsageError
from ferlite.models.files import write_json
from ferlite.train import recipes
from ferlite.train.initial_weights import NONE, prepare_start
from ferlite.train.networks import pretrained
from ferlite.train.networks.build import build_network
from ferlite.train.training import train

TINY = recipes.Recipe(name="tiny", network="small", size=16, epochs=1)


def recipe(**values):
    return recipes.change(recipes.load("transfer"), values)


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory):
    """Random weights, in the form in which Keras writes those of ImageNet."""
    path = tmp_path_factory.mktemp("weights") / "resnet50.weights.h5"
    applications: Any = keras.applications  # its stubs take weights for a text
    base = applications.ResNet50(include_top=False, weights=None, input_shape=(48, 48, 3))
    base.save_weights(path)
    return path, base


def test_a_base_computes_what_keras_computes_on_its_own_preprocessing(resnet_file):
    path, base = resnet_file
    model: Any = build_network("resnet50", 7)
    pretrained.load_base(model, "resnet50", path)
    grey = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 1)).astype("float32")
    colours = keras.applications.resnet50.preprocess_input(np.repeat(grey, 3, axis=-1))
    features: Any = keras.Model(model.input, model.get_layer("head-pool").input)
    np.testing.assert_allclose(
        features.predict(grey, verbose=0), base.predict(colours, verbose=0), rtol=1e-3, atol=1e-3
    )


def test_what_lies_before_the_first_layer_that_learns_is_frozen(resnet_file):
    model = build_network("resnet50", 7)
    prepare_start(model, recipe(network="resnet50", trainable_from="conv5_block1_1_conv"), ("a",) * 7, resnet_file[0])
    frozen = [layer.name for layer in model.layers if layer.weights and not layer.trainable]
    learning = [layer.name for layer in model.layers if layer.weights and layer.trainable]
    assert all(name.startswith(("conv1", "conv2", "conv3", "conv4", "conv5_block1_0")) for name in frozen)
    assert {"head-dense", "logits"} <= set(learning)


@pytest.mark.parametrize(
    ("change", "start", "error", "message"),
    [
        ({"trainable_from": "head-pol"}, NONE, UnknownNameError, "did you mean 'head-pool'"),
        ({}, "no.h5", MissingFileError, "no file no.h5"),
        ({"network": "small", "trainable_from": ""}, None, UsageError, "no ImageNet weights for small"),
        ({"start": "run"}, None, UsageError, "give its folder with --start"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(change, start, error, message):
    chosen = recipe(**change)
    model = build_network(chosen.network, 7)
    with pytest.raises(error, match=message):
        prepare_start(model, chosen, ("a",) * 7, start)


def test_a_file_of_other_weights_is_refused(resnet_file, tmp_path):
    model = build_network("vgg16", 7)
    with pytest.raises(DataError, match="does not hold the weights of VGG16"):
        pretrained.load_base(model, "vgg16", resnet_file[0])
    (tmp_path / "x.h5").write_bytes(b"no weights")
    with pytest.raises(DataError, match="does not hold the weights of VGG16"):
        pretrained.load_base(model, "vgg16", tmp_path / "x.h5")


def test_a_run_of_other_labels_lends_all_but_its_head(data, tmp_path):
    before = train(TINY, data, tmp_path / "before")
    renamed = Dataset("other", ("angry", "fear"), data.splits, "2" * 64)
    model = build_network("small", 2, 16)
    prepare_start(model, TINY, renamed.label_names, before.folder)
    for old, new in zip(before.network().layers, model.layers, strict=True):
        same = all(np.array_equal(a, b) for a, b in zip(old.get_weights(), new.get_weights(), strict=True))
        assert same == (new.name != "logits")
    prepare_start(model, TINY, data.label_names, before.folder)
    np.testing.assert_array_equal(model.get_layer("logits").kernel, before.network().get_layer("logits").kernel)


def test_a_run_of_another_network_is_refused(data, tmp_path):
    before = train(TINY, data, tmp_path)
    with pytest.raises(UsageError, match="of another kind"):
        prepare_start(
            build_network("plain-cnn", 2, 16),
            recipes.change(TINY, {"network": "plain-cnn"}),
            ("a", "b"),
            before.folder,
        )


def test_a_run_goes_on_without_a_start_or_with_its_own_wherever_that_lies_now(data, tmp_path):
    before = train(TINY, data, tmp_path / "before")
    onwards = recipes.change(TINY, {"start": "run"})
    train(onwards, data, tmp_path / "run", start=before.folder)
    moved = before.folder.rename(tmp_path / "moved")
    for start in (moved, None):
        train(onwards, data, tmp_path / "run", start=start)
    for start in (NONE, tmp_path / "run"):
        with pytest.raises(UsageError, match=r"run did not begin from .*(none|run) but from .*before; start it from"):
            train(onwards, data, tmp_path / "run", start=start)


def test_an_older_run_that_kept_no_hash_of_its_start_knows_its_path(data, tmp_path):
    before = train(TINY, data, tmp_path / "before")
    run = train(TINY, data, tmp_path / "run", start=before.folder)
    del run.info["start"]["sha256"]
    write_json(run.folder / "run.json", run.info)
    train(TINY, data, run.folder, start=before.folder)
    with pytest.raises(UsageError, match="did not begin from"):
        train(TINY, data, run.folder, start=run.folder)


def test_a_run_stopped_in_its_first_epoch_starts_again_from_the_same_weights(data, tmp_path):
    before = train(TINY, data, tmp_path / "before")
    onwards = recipes.change(TINY, {"start": "run"})
    whole = train(onwards, data, tmp_path / "whole", start=before.folder)
    begun = tmp_path / "begun"
    begun.mkdir()
    info = {key: whole.info[key] for key in ("recipe", "data", "start", "labels", "versions")}
    write_json(begun / "run.json", info | {"epochs_done": 0})
    onwards.save(begun / "recipe.toml")
    again = train(onwards, data, begun)
    for one, other in zip(whole.network().get_weights(), again.network().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_changed_since_or_is_not_finished_is_no_start(data, tmp_path):
    before = train(TINY, data, tmp_path / "before")
    onwards = recipes.change(TINY, {"start": "run"})
    run = train(onwards, data, tmp_path / "run", start=before.folder)
    (before.folder / "best.keras").write_bytes((run.folder / "best.keras").read_bytes())
    with pytest.raises(UsageError, match=r"does not hold the weights .*run began from; leave --start out"):
        train(onwards, data, run.folder, start=before.folder)
    del before.info["best"]
    write_json(before.folder / "run.json", before.info)
    with pytest.raises(UsageError, match="before is not finished"):
        train(onwards, data, tmp_path / "other", start=before.folder)
