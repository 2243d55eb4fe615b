import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.data.dataset import Dataset, make_dataset
from ferlite.errors import DataError, UnknownNameError
from ferlite.models.labels import FER2013_LABELS, LABELS
from ferlite.train.preparation import additional, prepare, relabelled
from ferlite.train.recipes import Recipe


def recipe(**keys):
    return Recipe.model_validate({"name": "x", "network": "small", "epochs": 1, "size": 16, **keys})


def made(count=140, label_names=FER2013_LABELS, seed=0, splits=("train", "train", "train", "validation", "test")):
    images = np.random.default_rng(seed).integers(0, 256, (count, 16, 16), np.uint8)
    return make_dataset(
        "made",
        label_names,
        images,
        [i % len(label_names) for i in range(count)],
        [splits[i // 7 % len(splits)] for i in range(count)],
    )


def rows(dataset: Dataset):
    return {name: faces.rows.tolist() for name, faces in dataset.splits.items()}


def test_a_recipe_without_these_keys_changes_nothing():
    data = made()
    prepared = prepare(data, recipe())
    assert rows(prepared) == rows(data)
    assert (prepared.label_names, prepared.sha256) == (data.label_names, data.sha256)


def test_labels_are_merged_then_kept_in_their_order():
    data = made(160, LABELS)
    six = relabelled(data, {"contempt": "disgust", "disgust": "angry"}, ("neutral", "angry", "disgust"))
    assert six.label_names == ("neutral", "angry", "disgust")
    names = np.array(LABELS)[data.split("train").labels]
    expected = [{"disgust": 1, "angry": 1, "contempt": 2, "neutral": 0}[n] for n in names if n in
                ("disgust", "angry", "contempt", "neutral")]  # fmt: skip
    assert six.split("train").labels.tolist() == expected


def test_merging_alone_keeps_the_labels_of_the_data():
    assert relabelled(made(), {"disgust": "angry"}, ()).label_names == tuple(
        name for name in FER2013_LABELS if name != "disgust"
    )


def test_a_label_that_the_data_lack_is_named():
    with pytest.raises(UnknownNameError, match="no label in made 'contempt'"):
        prepare(made(), recipe(labels=["happy", "contempt"]))


def test_a_draw_is_balanced_and_of_the_training_split_only():
    data = made()
    prepared = prepare(data, recipe(labels=["happy", "sad", "angry"], draw=12))
    assert np.bincount(prepared.split("train").labels).tolist() == [4, 4, 4]
    assert len(prepared.split("validation")) == np.isin(data.split("validation").labels, (3, 4, 0)).sum()


def test_folds_leave_the_test_split_of_the_data_out():
    data = made()
    prepared = prepare(data, recipe(splits="stratified", folds=3))
    official = set(data.split("test").rows.tolist())
    assert not official & {row for each in rows(prepared).values() for row in each}


@given(st.integers(0, 3), st.integers(0, 5), st.sampled_from(["official", "stratified", "by-person"]))
def test_no_extra_face_is_held_out(fold, seed, splits):
    """Not even when the extra data are the very same faces."""
    chosen = recipe(splits=splits, folds=4, fold=fold, seed=seed)
    data = made()
    prepared = prepare(data, chosen)
    added = additional(made(splits=("train",)), prepared, chosen)
    held = {image.tobytes() for name in ("validation", "test") for image in prepared.split(name).images}
    assert len(added) > 0
    assert not held & {image.tobytes() for image in added.images}
    assert (added.rows == -1).all()
    assert added.groups.min() > max(faces.groups.max() for faces in prepared.splits.values())


def test_extra_faces_get_the_labels_of_the_data():
    chosen = recipe(labels=["neutral", "happy", "angry"], merge={"contempt": "angry"})
    prepared = prepare(made(), chosen)
    extra = made(80, ("contempt", "fear", "happy"), seed=1)
    added = additional(extra, prepared, chosen)
    names = np.array(extra.label_names)[extra.split("train").labels]
    assert added.labels.tolist() == [{"contempt": 2, "happy": 1}[n] for n in names if n != "fear"]


def test_extra_data_without_any_of_the_labels_are_named():
    chosen = recipe(labels=["neutral", "happy"])
    with pytest.raises(DataError, match="made has none of the labels neutral, happy"):
        additional(made(40, ("fear", "sad")), prepare(made(), chosen), chosen)
