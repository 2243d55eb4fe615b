import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, recall_score

from ferlite.data import metrics

NAMES = ("a", "b", "c", "d")
pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=200)


@given(pairs)
def test_scores_equal_those_of_scikit_learn(drawn):
    predicted, labels = np.array(drawn).T
    scores = metrics.score(predicted, labels, NAMES)
    present = np.unique(labels)
    assert scores.accuracy == pytest.approx((predicted == labels).mean())
    assert scores.confusion == confusion_matrix(labels, predicted, labels=range(4)).tolist()
    expected = recall_score(labels, predicted, labels=present, average="macro")
    assert scores.balanced_accuracy == pytest.approx(expected)
    assert scores.macro_f1 == pytest.approx(f1_score(labels, predicted, labels=present, average="macro"))


def test_a_class_without_faces_has_no_recall():
    scores = metrics.score(np.array([0, 1]), np.array([0, 0]), NAMES)
    assert scores.recall == {"a": 0.5, "b": None, "c": None, "d": None}


def test_binary_accuracy_is_that_of_keras():
    probabilities = np.array([[0.6, 0.4, 0], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1]])
    # Right: all of the first face, the two no of the second, one no of the third.
    assert metrics.binary_accuracy(probabilities, np.array([0, 1, 2])) == pytest.approx(6 / 9)


def test_wilson_interval_has_its_published_value():
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263.
    low, high = metrics.wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_interval_holds_the_share_and_stays_within_0_and_1(right, wrong):
    low, high = metrics.wilson(right, right + wrong)
    assert 0 <= low <= high <= 1
    if right + wrong:
        assert low - 1e-12 <= right / (right + wrong) <= high + 1e-12


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = np.array([[0.8, 0.2]] * 10, np.float32)
    for right, gap in ((8, 0.0), (5, 0.3)):
        bins = metrics.reliability(probabilities, np.array([0] * right + [1] * (10 - right)))
        (only,) = bins
        assert only["low"] <= 0.8 <= only["high"]
        assert (only["count"], only["accuracy"]) == (10, right / 10)
        assert metrics.calibration_error(bins) == pytest.approx(gap, abs=1e-6)
