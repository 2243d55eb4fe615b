import numpy as np
import pytest

keras = pytest.importorskip("keras")

from ferlite.train.networks.branches import BranchedConv, fold  # noqa: E402
from ferlite.train.networks.build import build_network  # noqa: E402
from ferlite.train.networks.size import macs, size_of  # noqa: E402

PIXELS = np.random.default_rng(1).uniform(0, 255, (3, 48, 48, 1)).astype(np.float32)


def trained(model):
    """The model with statistics of batch normalisation as training leaves them, all of them different."""
    rng = np.random.default_rng(2)
    model.set_weights([w + rng.uniform(0.1, 0.5, w.shape) * (w.ndim == 1) for w in model.get_weights()])
    return model


def single(side, channels, filters, strides):
    pixels = keras.Input((side, side, channels))
    return trained(keras.Model(pixels, BranchedConv(filters, strides)(pixels)))


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize(("channels", "filters", "strides"), [(4, 4, 1), (4, 6, 1), (4, 4, 2), (4, 6, 2)])
def test_one_convolution_says_what_the_branches_say(side, channels, filters, strides):
    model = single(side, channels, filters, strides)
    faces = np.random.default_rng(3).normal(size=(2, side, side, channels)).astype(np.float32)
    np.testing.assert_allclose(fold(model).predict_on_batch(faces), model.predict_on_batch(faces), atol=1e-4)


def test_a_folded_network_is_the_plain_one_with_the_same_answers():
    model = trained(build_network("plain-residual-branches", 7, width=0.25))
    folded = fold(model)
    np.testing.assert_allclose(folded.predict_on_batch(PIXELS), model.predict_on_batch(PIXELS), atol=1e-4)
    assert size_of(model)["macs"] == macs(build_network("plain-residual", 7, width=0.25))


def test_branches_are_saved_and_loaded(tmp_path):
    model = trained(build_network("plain-residual-branches", 7, l2=1e-4, width=0.25))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(PIXELS), model.predict_on_batch(PIXELS))
    assert len(loaded.losses) == len(model.losses) > 0


def test_a_network_without_branches_is_left_as_it_is():
    model = build_network("small", 7)
    assert fold(model) is model
