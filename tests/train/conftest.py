"""What the tests of training share."""

import numpy as np
import pytest

from ferlite.data.dataset import Dataset, Faces


@pytest.fixture(scope="module")
def data():
    """Two classes that differ in which half is bright; small faces, so that epochs are quick."""
    rng = np.random.default_rng(0)

    def faces(count):
        labels = np.arange(count) % 2
        images = rng.integers(0, 100, (count, 16, 16), np.uint8)
        images[labels == 1, :8] += 100
        images[labels == 0, 8:] += 100
        return Faces(images, labels, np.arange(count))

    splits = {"train": faces(100), "validation": faces(30), "test": faces(30)}
    return Dataset("halves", ("happy", "sad"), splits, sha256="0" * 64)
