import numpy as np

from ferlite.data import eigenfaces
from ferlite.models.labels import FER2013_LABELS


def test_the_data_set_follows_its_seed_and_its_splits_differ():
    first, again, other = (eigenfaces.dataset(70, 21, 14, seed=seed) for seed in (1, 1, 2))
    assert (first.name, first.label_names) == ("eigenfaces", FER2013_LABELS)
    assert {name: len(faces) for name, faces in first.splits.items()} == {
        "train": 70,
        "validation": 21,
        "test": 14,
    }
    assert first.sha256 == again.sha256 != other.sha256
    assert np.bincount(first.split("train").labels).tolist() == [10] * 7
    together = np.concatenate([faces.images for faces in first.splits.values()])
    assert len(np.unique(together.reshape(105, -1), axis=0)) == 105


def test_a_split_may_be_left_out():
    assert list(eigenfaces.dataset(7, 0, 0).splits) == ["train"]
