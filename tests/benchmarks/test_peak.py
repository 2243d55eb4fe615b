import sys
from pathlib import Path

import numpy as np
import pytest

from ferlite.benchmarks import peak
from ferlite.models.modelfile import ModelFile
from ferlite.models.runtime import LoadedModel

SMALL = peak.Shape(side=4, channels=8, kernel=3, layers=2)


@pytest.mark.parametrize("scheme", ["int8", "float32"])
def test_the_runtime_takes_the_graph_whole(scheme):
    model = LoadedModel(ModelFile(peak.build(SMALL, scheme), None, Path("peak")))
    assert model.operators == ["CONV_2D", "CONV_2D", "DELEGATE"]
    (detail,) = model.inputs
    assert (np.dtype(detail["dtype"]).name, detail["shape"].tolist()) == (scheme, [1, 4, 4, 8])


def test_int8_computes_what_float_computes():
    single = peak.Shape(side=4, channels=8, kernel=3, layers=1)
    images = np.random.default_rng(0).integers(-128, 128, (1, 4, 4, 8))
    whole, floating = (
        LoadedModel(ModelFile(peak.build(single, scheme), None, Path("peak"))) for scheme in ("int8", "float32")
    )
    (exact,) = floating.run((images * 0.05).astype(np.float32))
    (rounded,) = whole.run(images.astype(np.int8))
    assert exact.max() > 1
    assert np.abs(rounded - exact.clip(max=127 * 0.05)).max() <= 0.051


def test_multiply_accumulates_are_those_of_the_convolutions():
    assert SMALL.macs == 2 * 4 * 4 * 3 * 3 * 8 * 8
    assert str(SMALL) == "2 x 3x3, 8 channels, 4x4"


def test_the_fastest_of_the_shapes_is_returned_loaded():
    shape, model = peak.fastest("int8", 1)
    assert shape in peak.SHAPES
    assert model.inputs[0]["shape"].tolist() == [1, shape.side, shape.side, shape.channels]


def test_without_the_schema_there_is_no_peak(monkeypatch):
    assert peak.available()
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    assert not peak.available()
