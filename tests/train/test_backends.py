"""Training on something else than one device and TensorFlow; each needs a process of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from ferlite.errors import UnknownNameError, UsageError
from ferlite.train import batches, strategies
from ferlite.train.runs import Run

TRAIN = """
from ferlite.data import eigenfaces
from ferlite.train import recipes, training
recipe = recipes.Recipe(name="tiny", network="small", epochs=2, batch=16, size=16, ema=0.5)
run = training.train(recipe, eigenfaces.dataset(64, 16, 0), {folder!r}, strategy={strategy!r})
run = training.train(recipe, eigenfaces.dataset(64, 16, 0), {folder!r}, strategy={strategy!r})
probabilities = training.predict(run.network(), eigenfaces.dataset(0, 16, 0).resized(16).split("validation"))
import numpy as np
np.save({folder!r} + "/probabilities.npy", probabilities)
"""
TWO_DEVICES = """
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2)
"""


def run_alone(program, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_two_devices_share_the_batches_and_resume(tmp_path):
    run_alone(TWO_DEVICES + TRAIN.format(folder=str(tmp_path), strategy="mirrored"), CUDA_VISIBLE_DEVICES="")
    run = Run.open(tmp_path)
    assert run.info["epochs_done"] == 2


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_weights_of_another_back_end_load_here(backend, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    run_alone(TRAIN.format(folder=str(tmp_path), strategy=""), KERAS_BACKEND=backend)
    from ferlite.data import eigenfaces
    from ferlite.train import training

    run = Run.open(tmp_path)
    assert backend in run.info["versions"]
    here = training.predict(run.network(), eigenfaces.dataset(0, 16, 0).resized(16).split("validation"))
    np.testing.assert_allclose(here, np.load(tmp_path / "probabilities.npy"), atol=1e-4)


def test_a_strategy_that_does_not_exist_or_fit_is_refused(monkeypatch):
    with pytest.raises(UnknownNameError, match="did you mean 'mirrored'"):
        strategies.scope("mirored")
    monkeypatch.setattr(strategies.keras.backend, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="needs Keras on TensorFlow, and it runs on jax"):
        strategies.scope("mirrored")


def test_arrays_arrive_in_their_order_without_the_tuner_that_an_epoch_waits_for(monkeypatch):
    pixels, weights = np.arange(10, dtype=np.uint8), np.arange(10, dtype=np.float32)
    cut = batches.feed(4, pixels, None, weights)["x"]
    assert [x.numpy().tolist() for x, _ in cut] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert not cut.options().autotune.enabled
    monkeypatch.setattr(batches.keras.backend, "backend", lambda: "jax")
    fed = batches.feed(4, pixels, weights)
    assert fed["batch_size"] == 4
    assert fed["x"] is pixels
    assert fed["y"] is weights
