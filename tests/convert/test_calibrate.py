import numpy as np
import pytest

from ferlite.convert import calibrate, sensitivity
from ferlite.errors import DataError


def test_min_max_holds_what_the_moving_average_cuts_off(graphs, data):
    images = calibrate.calibration_set(data.split("train"), 64)
    wide, narrow = (calibrate.calibrate(graphs[0], images, method) for method in ("min-max", "moving-average"))
    assert set(wide) == set(narrow)
    for name in narrow:
        assert (wide[name]["min"] <= narrow[name]["min"]).all()
        assert (wide[name]["max"] >= narrow[name]["max"]).all()
    assert any((wide[name]["max"] > narrow[name]["max"]).any() for name in narrow)


def test_the_order_matters_to_the_moving_average_alone(graphs, data):
    images = calibrate.calibration_set(data.split("train"), 16)
    both = {
        m: [calibrate.calibrate(graphs[0], order, m) for order in (images, images[::-1])] for m in calibrate.METHODS
    }
    same = {m: all(np.array_equal(a[n]["max"], b[n]["max"]) for n in a) for m, (a, b) in both.items()}
    assert same == {"moving-average": False, "min-max": True}


def test_the_input_range_is_exact_with_either_method(graphs, data):
    images = calibrate.calibration_set(data.split("train"), 8)
    for method in calibrate.METHODS:
        ranges = calibrate.calibrate(graphs[0], images, method)
        pixels = next(r for name, r in ranges.items() if "pixels" in name)
        assert (float(pixels["min"].min()), float(pixels["max"].max())) == (0, 255)


def test_the_description_tells_two_sets_apart(data):
    faces = data.split("train")
    here, there = (calibrate.describe(calibrate.calibration_set(faces, 16, seed), seed=seed) for seed in (0, 1))
    assert here["sha256"] != there["sha256"]
    assert here == calibrate.describe(calibrate.calibration_set(faces, 16, 0))


def test_a_calibration_set_of_nothing_is_refused(data):
    faces = data.split("train")
    with pytest.raises(DataError, match="whole training split"):
        calibrate.calibration_set(faces[faces.labels < 0])


def test_sensitivity_scores_every_draw_of_every_size_that_the_data_allow(graphs, data):
    shares = []
    result = sensitivity.measure(
        graphs[0],
        data.split("train"),
        data.split("validation"),
        model="tiny",
        counts=(8, 16, 9999),
        seeds=2,
        on_share=lambda share, remark: shares.append(share),
    )
    assert [row["faces"] for row in result["rows"]] == [8, 16]
    for row in result["rows"]:
        assert len(row["int8"]) == 2
        assert row["mean"] == pytest.approx(np.mean(row["int8"]))
        assert row["mean"] == pytest.approx(result["float32"], abs=0.1)
    assert shares[-1] == 1
