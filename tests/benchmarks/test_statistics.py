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


def test_samples_of_one_person_count_as_one_draw():
    rng = np.random.default_rng(0)
    a, b = rng.random(400) < 0.6, rng.random(400) < 0.7
    alone = statistics.paired_difference(a, b, np.arange(400), rounds=2000)
    persons = np.repeat(np.arange(400), 9)
    repeated = statistics.paired_difference(np.repeat(a, 9), np.repeat(b, 9), persons, rounds=2000)
    assert (alone[0], *alone[1]) == pytest.approx((repeated[0], *repeated[1]))
    assert alone[1] == pytest.approx(statistics.paired_difference(a, b)[1], abs=0.01)


def test_two_equal_classifiers_differ_by_exactly_nothing():
    right = np.array([True, False, True])
    assert statistics.paired_difference(right, right) == (0.0, (0.0, 0.0))


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
