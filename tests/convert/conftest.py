"""What the tests of conversion share: a tiny trained run and its graphs."""

import pytest

from ferlite.data import eigenfaces
from ferlite.models.native_log import muted_stderr

# pytest does not capture what the import of a folder's conftest prints.
with muted_stderr():
    from ferlite.convert import calibrate, export, quantize
    from ferlite.train import recipes
    from ferlite.train.training import train


@pytest.fixture(scope="session")
def data():
    return eigenfaces.dataset(count_train=420, count_validation=105, count_test=0)


@pytest.fixture(scope="session")
def run(data, tmp_path_factory):
    recipe = recipes.load("quickstart").model_copy(update={"epochs": 3})
    return train(recipe, data, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def graphs(run, data):
    """Float graph, its ranges, and the int8 graph made with them."""
    floating = export.export(run.network())
    ranges = calibrate.calibrate(floating, calibrate.calibration_set(data.split("train"), 64))
    return floating, ranges, quantize.quantize(floating, ranges)
