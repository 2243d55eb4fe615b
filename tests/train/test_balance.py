import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.train.balance import class_weights, oversampled

labels = st.lists(st.integers(0, 4), min_size=1, max_size=200).map(np.array)


@given(labels)
def test_weighted_classes_count_the_same_and_the_mean_face_one(codes):
    targets = np.eye(5)[codes]
    weights = targets @ class_weights(targets)
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    sums = np.bincount(codes, weights, minlength=5)
    assert np.ptp(sums[sums > 0]) < 1e-4 * sums.max()


@given(labels, st.integers(0, 5))
def test_an_oversampled_epoch_shows_the_classes_and_the_faces_of_a_class_equally_often(codes, seed):
    places = oversampled(codes, np.zeros_like(codes), np.random.default_rng(seed))
    assert len(places) == len(codes)
    shown = np.bincount(codes[places], minlength=5)
    assert np.ptp(shown[np.bincount(codes, minlength=5) > 0]) <= 1
    times = np.bincount(places, minlength=len(codes))
    for label in np.unique(codes):
        assert np.ptp(times[codes == label]) <= 1


def test_within_a_class_each_source_appears_as_often():
    codes = np.repeat([0, 0, 1, 1], [90, 10, 5, 95])
    sources = np.repeat([0, 1, 0, 1], [90, 10, 5, 95])
    places = oversampled(codes, sources, np.random.default_rng(0))
    assert len(places) == len(codes)
    assert [np.sum((codes[places] == code) & (sources[places] == source)) for code in (0, 1) for source in (0, 1)] == [
        50, 50, 50, 50,
    ]  # fmt: skip


def test_half_the_power_makes_classes_count_as_the_square_root_of_their_faces():
    codes = np.repeat([0, 1], [900, 100])
    weights = class_weights(np.eye(2)[codes], 0.5)
    assert np.bincount(codes, weights[codes]) == pytest.approx([750, 250])
    places = oversampled(codes, np.zeros_like(codes), np.random.default_rng(0), 0.5)
    assert np.bincount(codes[places]).tolist() == [750, 250]


@given(labels, st.floats(0, 1))
def test_no_power_makes_an_epoch_longer_or_a_rare_class_rarer(codes, power):
    places = oversampled(codes, np.zeros_like(codes), np.random.default_rng(0), power)
    counts, shown = np.bincount(codes, minlength=5), np.bincount(codes[places], minlength=5)
    assert len(places) == len(codes)
    rarest = counts == counts[counts > 0].min()
    assert (shown[rarest] >= counts[rarest] - 1).all()
