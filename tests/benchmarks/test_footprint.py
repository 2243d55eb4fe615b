import sys

import pytest

from ferlite.benchmarks import footprint
from ferlite.errors import FerliteError


def test_installed_counts_what_a_device_needs():
    sizes = footprint.installed()
    assert {"ferlite", "numpy", "opencv-python-headless", "ai-edge-litert", "typer"} <= set(sizes)
    assert not {"tensorflow", "keras", "pytest"} & set(sizes)
    assert sizes["ferlite"] > 1e6  # its models
    assert sizes["numpy"] > 1e6


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_measure(model_path):
    result = footprint.measure(model_path, runs=1)
    assert 0 < result["import_ms"] < result["first_result_ms"]
    assert result["python_ms"] < result["first_result_ms"]
    assert 20e6 < result["peak_rss_bytes"] < 1e9
    assert result["installed_bytes"] == sum(result["packages"].values())


def test_an_error_of_the_command_is_passed_on(tmp_path):
    (tmp_path / "no.tflite").write_bytes(b"nothing that a runtime could load")
    with pytest.raises(FerliteError, match="no TFLite file"):
        footprint.measure(tmp_path / "no.tflite", runs=1)
