import base64
import copy
from typing import Any

import numpy as np
import pytest

from ferlite.benchmarks import compare
from ferlite.data.results import files
from ferlite.errors import DataError, UsageError

MACHINE = {"model": "board", "architecture": "aarch64", "cores": 4}


def timed(p50, half=0.01, **changes) -> Any:
    """A latency result of one model with a median and its interval."""
    row = {"name": "m", "scheme": "int8", "threads": 1, "p50": p50, "p50_interval": [p50 - half, p50 + half]}
    result = {
        "schema": files.LATENCY_SCHEMA,
        "machine": MACHINE,
        "runtime": "LiteRT 2",
        "threads": [1],
        "models": [row],
    }
    return copy.deepcopy(result | changes)


def scored(right, count=1000, labels=(), **changes) -> Any:
    """An accuracy result of one model that got the first `right` faces right."""
    row = {"name": "m", "scheme": "int8", "accuracy": right / count, "count": count}
    row["right"] = base64.b64encode(np.packbits(np.arange(count) < right).tobytes()).decode()
    data = {"name": "FER2013", "sha256": "d", "split": "validation", "labels": list(labels), "faces": count}
    result = {"schema": files.ACCURACY_SCHEMA, "machine": MACHINE, "runtime": "LiteRT 2", "data": data, "models": [row]}
    return copy.deepcopy(result | changes)


@pytest.mark.parametrize(
    ("new", "worse"),
    [
        (timed(1.05), True),
        (timed(1.02), False),
        (timed(1.05, half=0.05), False),
        (timed(0.5), False),
    ],
    ids=["slower", "within what is tolerated", "intervals overlap", "faster"],
)
def test_a_latency_is_worse_beyond_the_limit_and_the_intervals(new, worse):
    (verdict,) = compare.compare(timed(1.0), new, 0.03)
    assert verdict.worse is worse
    assert verdict.text.startswith("m int8, 1 thread: 1.000 -> ")


def test_the_same_answers_paired_show_what_independent_samples_hide():
    (paired,) = compare.compare(scored(700), scored(680), 0.01)
    assert paired.worse
    assert "-2.00 points" in paired.text
    assert paired.text.endswith("paired")
    (unpaired,) = compare.compare(scored(700), scored(680, labels=["happy"]), 0.01, force=True)
    assert not unpaired.worse
    assert "paired" not in unpaired.text


def test_results_of_other_labels_are_not_of_the_same_faces():
    with pytest.raises(UsageError, match=r"data\.labels was \[\], is \['happy'\]"):
        compare.compare(scored(700), scored(680, labels=["happy"]), 0.01)


def test_a_loss_that_is_tolerated_is_no_regression():
    assert not compare.compare(scored(700), scored(680), 0.03)[0].worse


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (timed(1.0), timed(1.0, machine=MACHINE | {"model": "other"}), "machine.model was board, is other"),
        (timed(1.0), timed(1.0, runtime="LiteRT 3"), "runtime was LiteRT 2, is LiteRT 3"),
        (timed(1.0), timed(1.0, threads=[4]), r"threads was \[1\], is \[4\]"),
        (scored(7, 10), scored(7, 11), "data.faces was 10, is 11"),
    ],
)
def test_results_of_different_kinds_are_refused_unless_forced(old, new, complaint):
    with pytest.raises(UsageError, match=complaint):
        compare.compare(old, new, 0.03)
    assert len(compare.compare(old, new, 0.03, force=True)) == 1


def test_latency_is_not_compared_with_accuracy():
    with pytest.raises(UsageError, match="can't be compared"):
        compare.compare(timed(1.0), scored(7, 10), 0.03, force=True)


def test_a_model_that_is_missing_is_named():
    with pytest.raises(UsageError, match="lacks m int8, 1 thread"):
        compare.compare(timed(1.0), timed(1.0, models=[]), 0.03)


@pytest.mark.parametrize("damage", [{"machine": {}}, {"models": [{}]}, {"models": None}])
def test_a_damaged_result_is_an_error(damage):
    with pytest.raises(DataError, match="measure again"):
        compare.compare(timed(1.0, **damage), timed(1.0, **damage), 0.03)


def test_answers_that_do_not_decode_are_an_error():
    new = scored(680)
    new["models"][0]["right"] = "%"
    with pytest.raises(DataError, match="measure again"):
        compare.compare(scored(700), new, 0.03)
