import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ferlite.benchmarks import statistics

counts = st.integers(0, 400)


@given(counts, counts)
def test_mcnemar_equals_the_exact_binomial_test(only_a, only_b):
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert statistics.mcnemar(only_a, only_b) == pytest.approx(expected, abs=1e-9)


def test_paired_difference_has_the_normal_interval_where_samples_are_many():
    rng = np.random.default_rng(0)
    a, b = rng.random(20_000) < 0.70, rng.random(20_000) < 0.72
    difference, (low, high) = statistics.paired_difference(a, b)
    steps = b.astype(float) - a
    half = 1.96 * steps.std() / np.sqrt(len(steps))
    assert difference == pytest.approx(steps.mean())
    assert (low, high) == pytest.approx((difference - half, difference + half), abs=4e-4)


def test_two_equal_classifiers_differ_by_exactly_nothing():
    right = np.array([True, False, True])
    assert statistics.paired_difference(right, right) == (0.0, (0.0, 0.0))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = np.array([[0.8, 0.2]] * 10, np.float32)
    for right, gap in ((8, 0.0), (5, 0.3)):
        bins = statistics.reliability(probabilities, np.array([0] * right + [1] * (10 - right)))
        (only,) = bins
        assert only["from"] <= 0.8 <= only["to"]
        assert (only["count"], only["accuracy"]) == (10, right / 10)
        assert statistics.calibration_error(bins) == pytest.approx(gap, abs=1e-6)


def test_the_interval_of_independent_shares_is_newcombes():
    # The worked example (a) of Newcombe 1998, table II, method 10: 56/70 - 48/80.
    low, high = statistics.newcombe(48 / 80, 80, 56 / 70, 70)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_histogram_of_equal_values_has_one_bar():
    counts = statistics.histogram(np.full(9, 2.0))
    assert (max(counts["counts"]), counts["above"], counts["start"]) == (9, 0, 2.0)


def test_a_quantile_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        _, (low, high) = statistics.quantile(rng.exponential(size=200), 0.5)
        covered += low <= np.log(2) <= high
    assert 0.92 <= covered / 400 <= 0.99
