"""What the votes of FER+ make of a data set's labels, and of the targets that a network learns."""

import numpy as np
import pytest

from ferlite.data import ferplus
from ferlite.data.dataset import Faces, make_dataset
from ferlite.data.splits import split_name
from ferlite.errors import DataError, UsageError
from ferlite.models.labels import FER2013_LABELS, LABELS
from ferlite.train.preparation import prepare, targets
from ferlite.train.recipes import Recipe
from ferlite.train.runs import Run

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
ROWS = [
    # Usage, FER2013's label, votes
    ("Training", "happy", "1,9,0,0,0,0,0,0,0,0"),
    ("Training", "sad", "4,0,0,4,2,0,0,0,0,0"),  # neutral and sad as often
    ("Training", "fear", "0,0,0,0,0,0,0,10,0,0"),
    ("Training", "angry", "0,0,0,0,5,0,0,0,5,0"),  # as often unknown
    ("Training", "angry", "0,0,0,0,0,0,0,0,0,10"),
    ("PublicTest", "happy", "2,0,8,0,0,0,0,0,0,0"),
    ("PublicTest", "sad", "0,0,0,1,0,0,0,0,0,9"),
    ("PrivateTest", "sad", "0,0,0,6,2,2,0,0,0,0"),
]


@pytest.fixture
def votes(tmp_path):
    lines = [f"{usage},,{row}" for usage, _, row in ROWS]
    (tmp_path / "votes.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    return ferplus.read(tmp_path / "votes.csv")


@pytest.fixture
def data():
    images = np.arange(len(ROWS), dtype=np.uint8)[:, None, None] * np.ones((1, 16, 16), np.uint8)
    labels = [FER2013_LABELS.index(label) for _, label, _ in ROWS]
    return make_dataset("x", FER2013_LABELS, images, labels, [split_name(usage) for usage, _, _ in ROWS])


def recipe(**keys):
    return Recipe.model_validate({"name": "x", "network": "small", "epochs": 1, "size": 16, **keys})


def names(prepared, split):
    return [prepared.label_names[label] for label in prepared.split(split).labels]


def trained_on(data, given, /, **keys):
    chosen = recipe(**keys)
    prepared = prepare(data, chosen, given)
    return targets(prepared.split("train"), prepared.label_names, chosen, given)


def test_with_contempt_the_majority_is_the_label_and_what_has_none_is_left_out(data, votes):
    prepared = prepare(data, recipe(votes="soft", labels=LABELS), votes)
    assert names(prepared, "train") == ["happy", "neutral", "contempt"]
    assert names(prepared, "validation") == ["surprise"]
    assert names(prepared, "test") == ["sad"]


def test_without_contempt_the_labels_stay_those_of_fer2013(data, votes):
    prepared = prepare(data, recipe(votes="soft"), votes)
    assert [names(prepared, name) for name in ("train", "validation", "test")] == [
        ["happy", "sad", "fear", "angry", "angry"],
        ["happy", "sad"],
        ["sad"],
    ]


def test_what_is_not_a_face_is_dropped_from_training_alone(data, votes):
    prepared = prepare(data, recipe(drop_not_a_face=True), votes)
    assert prepared.split("train").rows.tolist() == [0, 1, 2]
    assert len(prepared.split("validation")) == 2


def test_soft_targets_are_shares_of_the_votes_for_the_labels_kept(data, votes):
    expected = np.zeros((5, 7))
    expected[0, [3, 6]] = 0.9, 0.1
    expected[1, [0, 4, 6]] = 0.2, 0.4, 0.4
    expected[2, 2] = 1  # contempt alone was seen: the label fear stays
    expected[3:, 0] = 1
    np.testing.assert_allclose(trained_on(data, votes, votes="soft"), expected, atol=1e-6)


def test_majority_targets_give_all_to_the_emotion_with_the_most_votes(data, votes):
    got = trained_on(data, votes, votes="majority")
    assert [FER2013_LABELS[k] for k in got.argmax(1)] == ["happy", "neutral", "fear", "angry", "angry"]
    np.testing.assert_array_equal(np.sort(got)[:, -1], 1)


def test_targets_mix_votes_and_label(data, votes):
    got = trained_on(data, votes, votes="soft", votes_weight=0.5)
    np.testing.assert_allclose(got[1, [0, 4, 6]], [0.1, 0.7, 0.2], atol=1e-6)
    np.testing.assert_allclose(got.sum(1), 1, atol=1e-6)


def test_votes_are_merged_and_those_for_dropped_labels_do_not_count(data, votes):
    keys = {"votes": "soft", "labels": ["neutral", "happy", "sad"], "merge": {"anger": "sad", "contempt": "happy"}}
    got = trained_on(data, votes, **keys)
    # Of the faces happy, sad and angry, which is sad now; fear is dropped.
    np.testing.assert_allclose(got[:3], [[0.1, 0.9, 0], [0.4, 0, 0.6], [0, 0, 1]], atol=1e-6)


def test_faces_of_other_data_keep_their_label(data, votes):
    faces = data.split("train")
    faces = Faces(faces.images, faces.labels, np.full(len(faces), -1))
    got = targets(faces, FER2013_LABELS, recipe(votes="soft"), votes)
    np.testing.assert_array_equal(got, np.eye(7)[faces.labels])


def test_votes_that_are_missing_or_of_no_use_are_refused(data, votes):
    with pytest.raises(UsageError, match=r"needs the votes of FER\+: give --votes"):
        prepare(data, recipe(votes="soft"))
    with pytest.raises(UsageError, match="has no use for votes"):
        prepare(data, recipe(), votes)


def test_a_run_finds_its_votes_again(votes, tmp_path):
    info = {"votes": {"path": votes.path, "sha256": votes.sha256}}
    again = Run(tmp_path, recipe(votes="soft"), info).votes()
    assert again is not None
    np.testing.assert_array_equal(again.emotions, votes.emotions)
    assert Run(tmp_path, recipe(), {}).votes() is None
    info["votes"]["sha256"] = "0" * 64
    with pytest.raises(DataError, match=r"is not what .* was trained with"):
        Run(tmp_path, recipe(votes="soft"), info).votes()


def test_contempt_is_not_mixed_with_labels_that_lack_it():
    with pytest.raises(ValueError, match="votes_weight must be 1"):
        recipe(votes="soft", labels=LABELS, votes_weight=0.5)


def test_the_published_votes_leave_out_what_has_no_majority(real_data, fer2013):
    votes = ferplus.read(real_data / "fer2013new.csv")
    prepared = prepare(fer2013, recipe(size=48, votes="soft", labels=LABELS), votes)
    assert {name: len(faces) for name, faces in prepared.splits.items()} == {
        "train": 28_153, "validation": 3_524, "test": 3_521,
    }  # fmt: skip
