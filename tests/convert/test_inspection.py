import json

import cv2
import numpy as np
import pytest

from ferlite.benchmarks import report
from ferlite.convert import inspection, quantize
from ferlite.convert.layers import layers
from ferlite.errors import ModelFormatError


@pytest.fixture(scope="module")
def images(data):
    return data.split("train").images


def test_a_graph_against_itself_loses_nothing(graphs, images):
    same = inspection.inspect(graphs[0], graphs[0], images[:4])
    assert same.matched == 1
    assert {layer.lost for layer in same.layers} == {0.0}


def test_int8_is_quieter_than_the_signal_in_every_layer(graphs, images):
    errors = inspection.inspect(graphs[2], graphs[0], images)
    assert errors.faces == inspection.MOST_FACES
    assert errors.matched == 1
    assert all(8 < layer.sqnr <= inspection.EXACT + 5 for layer in errors.layers)


@pytest.mark.parametrize("place", [1, 3])
def test_a_badly_quantized_layer_is_named_first(graphs, images, place):
    floating, ranges, _ = graphs
    planted = [layer for layer in layers(floating) if layer.operator == "CONV_2D"][place]
    wide = {side: value * 40 for side, value in ranges[planted.output].items()}
    quantized = quantize.quantize(floating, ranges | {planted.output: wide})
    assert inspection.inspect(quantized, floating, images[:16]).worst(1)[0].name == planted.name


def test_ratios_are_decibels_of_power():
    assert inspection._decibel(1000.0, 1.0) == pytest.approx(30)
    assert inspection._decibel(1.0, 0.0) == inspection.EXACT == pytest.approx(49.9, abs=0.05)


def test_graphs_of_two_networks_are_refused(graphs, graph, images):
    with pytest.raises(ModelFormatError, match="not of the same network"):
        inspection.inspect(graph, graphs[0], images[:2])


def test_the_chart_and_the_table_hold_every_layer(graphs, images, tmp_path):
    errors = inspection.inspect(graphs[2], graphs[0], images[:4])
    inspection.draw(errors, "tiny", tmp_path / "tiny.png")
    chart = cv2.imread(str(tmp_path / "tiny.png"))
    assert chart is not None
    assert chart.shape[1] == 960
    written = json.loads(json.dumps(errors.to_json("tiny.tflite", "int8")))
    assert [layer["name"] for layer in written["layers"]] == [layer.name for layer in layers(graphs[0])]
    assert np.isfinite([layer["sqnr"] for layer in written["layers"]]).all()


def test_the_report_draws_what_an_inspection_wrote(graphs, images, tmp_path):
    errors = inspection.inspect(graphs[2], graphs[0], images[:4])
    assert inspection.write(errors, tmp_path / "tiny.tflite", "int8") == tmp_path / "tiny-inspect.png"
    page = report.write(tmp_path, "x").read_text()
    assert "tiny.tflite, int8" in page
    assert page.count('class="worst fill"') == 5
    for layer in errors.layers:
        assert f">{layer.name[-28:]}</text>" in page.replace("…", "")
        assert f">{layer.sqnr:.1f}</text>" in page
