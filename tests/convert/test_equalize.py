"""Spreading a batch normalisation behind a ReLU over its neighbours changes no answer, and mends int8."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from ferlite.convert import calibrate, export, quantize
from ferlite.convert.equalize import equalize
from ferlite.convert.interpreter import answer, load

FACES = np.random.default_rng(0).integers(0, 256, (32, 16, 16), "uint8")


def network(seed=0, *, dying=0, negative=0):
    """ReLU then normalisation, twice, with a few channels nearly dead and a few of negative factor."""
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((16, 16, 1), name="pixels")
    x = layers.Rescaling(1 / 255, name="scale")(pixels)
    for _ in range(2):
        x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(12, activation="relu")(layers.Flatten()(x))
    x = layers.Dropout(0.2)(layers.BatchNormalization()(x))
    logits = layers.Dense(5, name="logits")(x)
    model = keras.Model(pixels, layers.Softmax()(logits))
    rng = np.random.default_rng(seed)
    for norm in [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]:
        gamma, beta, mean, variance = (np.asarray(weight) for weight in norm.get_weights())
        gamma = rng.uniform(0.5, 1.5, gamma.shape)
        gamma[:negative] *= -1
        mean, variance = rng.uniform(0, 0.3, mean.shape), rng.uniform(0.05, 0.5, variance.shape)
        dead = slice(len(mean) - dying, None)
        mean[dead], variance[dead] = 0, 0
        source: Any = norm.input
        before = source._keras_history.operation
        before.bias.assign(np.where(np.arange(len(mean)) >= len(mean) - dying, -9, before.bias))
        beta = rng.normal(0, 0.3, beta.shape)
        beta[dead] = 0
        norm.set_weights([gamma, beta, mean, variance])
    return model


def normalisations(model):
    return [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]


def answers(model: Any) -> np.ndarray:
    return np.asarray(model.predict(FACES[..., None].astype("float32"), verbose=0))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**16), st.integers(0, 3), st.integers(0, 3))
def test_the_function_stays_the_same(seed, dying, negative):
    model = network(seed, dying=dying, negative=negative)
    np.testing.assert_allclose(answers(equalize(model, FACES)), answers(model), atol=2e-4)


def test_a_network_with_a_single_normalisation_stays_the_same_too():
    pixels = keras.Input((16, 16, 1), name="pixels")
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(pixels))
    model = keras.Model(pixels, layers.Dense(3, name="logits")(layers.Flatten()(x)))
    np.testing.assert_allclose(answers(equalize(model, FACES)), answers(model), rtol=1e-3, atol=1e-2)


def test_the_given_network_is_left_as_it_is():
    model = network(dying=2)
    before = [weight.copy() for weight in model.get_weights()]
    equalize(model, FACES)
    for was, weight in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, weight)


def test_only_the_sign_of_a_factor_is_left():
    for norm in normalisations(equalize(network(dying=2, negative=3), FACES)):
        gamma, _, mean, variance = (np.asarray(weight) for weight in norm.get_weights())
        np.testing.assert_allclose(gamma / np.sqrt(variance + norm.epsilon), [-1] * 3 + [1] * (len(gamma) - 3))
        assert not mean.any()


def test_channels_of_one_tensor_become_equally_large():
    def spread(model):
        norm = normalisations(model)[1]
        out = answers(keras.Model(model.input, norm.output))
        largest = np.abs(out).max((0, 1, 2))
        return largest.max() / largest.min()

    model = network(seed=3)
    dead: Any = normalisations(model)[1]
    dead.gamma.assign(np.asarray(dead.gamma) * [1, 1, 1, 1, 1, 1, 1, 40])
    assert spread(equalize(model, FACES)) < spread(model) / 4


def test_nearly_dead_units_no_longer_ruin_int8():
    def error(model):
        floating = export.export(model)
        int8 = load(quantize.quantize(floating, calibrate.calibrate(floating, FACES)))
        scale, zero = int8.get_output_details()[0]["quantization"]
        exact = load(floating)
        given = [answer(int8, face).astype(np.float32) for face in FACES]
        wanted = [answer(exact, face).astype(np.float32) for face in FACES]
        return np.abs((np.stack(given) - zero) * scale - np.stack(wanted)).mean()

    model = network(dying=2)
    assert error(equalize(model, FACES)) < error(model) / 2


@pytest.mark.parametrize("kept", ["ReLU layer", "read twice"])
def test_what_does_not_fit_is_left_alone(kept):
    pixels = keras.Input((16, 16, 1), name="pixels")
    x = layers.Conv2D(4, 3, activation=None if kept == "ReLU layer" else "relu")(pixels)
    x = layers.ReLU()(x) if kept == "ReLU layer" else x
    y = layers.BatchNormalization()(x)
    y = y if kept == "ReLU layer" else layers.Add()([x, y])
    model = keras.Model(pixels, layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(y)))
    for was, weight in zip(model.get_weights(), equalize(model, FACES).get_weights(), strict=True):
        np.testing.assert_array_equal(was, weight)
