import numpy as np
import pytest

from ferlite.train.augment import Augmentation, augment, mix

FULL = Augmentation(
    rotation=18, scale=0.15, shift=5, flip_horizontal=True, brightness=25, contrast=0.2, erase=0.5
)  # fmt: skip


@pytest.fixture
def faces():
    return np.random.default_rng(0).integers(0, 256, (40, 48, 48), np.uint8)


def test_no_augmentation_changes_nothing(faces):
    np.testing.assert_array_equal(augment(faces, Augmentation(), seed=1, epoch=0), faces)


def test_the_same_seed_and_epoch_give_the_same_faces(faces):
    np.testing.assert_array_equal(augment(faces, FULL, 1, 3), augment(faces, FULL, 1, 3))


@pytest.mark.parametrize(("seed", "epoch"), [(1, 4), (2, 3)])
def test_another_seed_or_epoch_gives_others(faces, seed, epoch):
    assert (augment(faces, FULL, 1, 3) != augment(faces, FULL, seed, epoch)).any()


@pytest.mark.parametrize(("flips", "axis"), [({"flip_horizontal": True}, 2), ({"flip_vertical": True}, 1)])
def test_a_flip_mirrors_about_half_of_the_faces_exactly(faces, flips, axis):
    varied = augment(faces, Augmentation(**flips), 0, 0)
    same = (varied == faces).all(axis=(1, 2))
    mirrored = (varied == np.flip(faces, axis)).all(axis=(1, 2))
    assert (same | mirrored).all()
    assert 8 <= mirrored.sum() <= 32


def test_a_shift_stays_within_its_pixels():
    point = np.zeros((200, 48, 48), np.uint8)
    point[:, 24, 24] = 255
    varied = augment(point, Augmentation(shift=5), 0, 0)
    rows, columns = np.unravel_index(varied.reshape(200, -1).argmax(1), (48, 48))
    reach = np.abs(np.stack([rows, columns]) - 24).max(axis=1)
    assert (reach <= 6).all()
    assert (reach >= 4).all()


def test_erasing_blanks_one_rectangle_of_the_given_share(faces):
    varied = augment(np.full((400, 48, 48), 100, np.uint8), Augmentation(erase=0.5), 0, 0)
    changed = (varied != 100).any(axis=(1, 2))
    assert 150 <= changed.sum() <= 250
    areas = (varied[changed] != 100).mean(axis=(1, 2))
    assert areas.max() <= 0.25


@pytest.fixture
def plain():
    """Faces of one grey value each, which says who they are, and targets that say the same."""
    images = np.arange(0, 200, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    return images, np.eye(200, dtype=np.float32)


def test_mixup_blends_faces_and_targets_alike(plain):
    images, targets = plain
    mixed, wanted = mix(images, targets, Augmentation(mixup=0.5), 0, 0)
    np.testing.assert_allclose(mixed.mean(axis=(1, 2)), wanted @ np.arange(200), atol=0.51)
    assert ((wanted > 0).sum(1) <= 2).all()
    assert ((wanted > 0.2).sum(1) == 2).mean() > 0.2


def test_cutmix_replaces_as_much_of_the_face_as_of_the_target(plain):
    images, targets = plain
    mixed, wanted = mix(images, targets, Augmentation(cutmix=1), 0, 0)
    for i in range(200):
        share = np.bincount(mixed[i].ravel(), minlength=200) / 48**2
        np.testing.assert_allclose(share, wanted[i], atol=1e-6)
    assert 0.4 < wanted[np.arange(200), np.arange(200)].mean() < 0.8


def test_each_face_gets_one_of_mixup_and_cutmix(plain):
    images, targets = plain
    mixed, wanted = mix(images, targets, Augmentation(mixup=1, cutmix=1), 0, 0)
    blended = [len(np.unique(face)) == 1 for face in mixed]
    assert 60 < sum(blended) < 140
    np.testing.assert_allclose(wanted.sum(1), 1, atol=1e-6)


def test_mixing_follows_seed_and_epoch_and_keeps_what_it_was_given(plain):
    images, targets = plain
    mixing = Augmentation(mixup=0.4, cutmix=1)
    before = images.copy()
    first, again, other = (mix(images, targets, mixing, 1, epoch)[0] for epoch in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(images, before)
    assert mix(images, targets, Augmentation(), 1, 3)[0] is images


def test_the_faces_given_are_left_as_they_were(faces):
    before = faces.copy()
    augment(faces, FULL, 0, 0)
    np.testing.assert_array_equal(faces, before)
