import zipfile
from pathlib import Path

import numpy as np
import pytest

from ferlite.data.dataset import Dataset, make_dataset
from ferlite.errors import DataError
from ferlite.models.eigenfaces import load
from ferlite.models.labels import FER2013_LABELS
from ferlite.tools import eigenfaces


def blobs(each: int = 24, label_names: tuple[str, ...] = FER2013_LABELS) -> Dataset:
    """Pictures with a bright blob whose place tells the class, and one without contrast."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(7), each)
    y, x = np.mgrid[:48, :48]
    rows = 8 + 5 * labels + rng.normal(0, 1, len(labels))
    columns = 24 + rng.normal(0, 4, len(labels))
    distance = (y - rows[:, None, None]) ** 2 + (x - columns[:, None, None]) ** 2
    images = (200 * np.exp(-distance / 60) + rng.uniform(0, 30, (len(labels), 48, 48))).astype(np.uint8)
    images[0] = 7
    return make_dataset("blobs", label_names, images, labels.tolist(), ["train"] * len(labels))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return eigenfaces.build(blobs(), tmp_path_factory.mktemp("built") / "blobs.npz", components=9, share=0.5)


def test_building_twice_gives_the_same_bytes(built: Path, tmp_path: Path):
    again = eigenfaces.build(blobs(), tmp_path / "again.npz", components=9, share=0.5)
    assert built.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(built) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_model_keeps_its_promises(built: Path):
    model = load(built)
    assert model.components.shape == (9, 48 * 48)
    np.testing.assert_array_equal(np.abs(model.components).max(1), 127)
    left = model.components.reshape(9, 48, 48)[:, :, :24].reshape(9, -1)
    assert (left[np.arange(9), np.abs(left).argmax(1)] > 0).all()
    np.testing.assert_array_equal(model.root, model.root.T)
    assert model.about["data_sha256"] == blobs().sha256
    assert model.about["faces"] == [11, 12, 12, 12, 12, 12, 12]  # not the one without contrast
    # A class's mean has its blob where the class has it.
    rng = np.random.default_rng(0)
    means = [model.render(model.coefficients(label, rng, spread=0)) for label in model.labels]
    peaks = [int(mean.sum(1).argmax()) for mean in means]
    assert peaks == sorted(peaks)
    assert len(set(peaks)) == 7


def test_components_are_nearly_orthogonal_after_rounding(built: Path):
    model = load(built)
    unit = model.components / np.linalg.norm(model.components, axis=1, keepdims=True)
    np.testing.assert_allclose(unit @ unit.T, np.eye(9), atol=0.01)


def test_too_few_faces_are_named(tmp_path: Path):
    with pytest.raises(DataError, match="'angry' in blobs are too few"):
        eigenfaces.build(blobs(each=4), tmp_path / "x.npz", components=9)
    assert not list(tmp_path.iterdir())


def test_other_labels_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match="eigenfaces are made of"):
        eigenfaces.build(blobs(label_names=FER2013_LABELS[::-1]), tmp_path / "x.npz", components=9)
