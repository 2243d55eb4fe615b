import numpy as np
import pytest

from ferlite.convert.temperature import fit_temperature


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_a_known_overconfidence(factor):
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(20_000, 7)).astype(np.float32) * 2
    shares = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    assert fit_temperature(factor * honest, labels) == pytest.approx(factor, rel=0.04)
