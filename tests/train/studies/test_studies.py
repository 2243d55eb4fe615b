"""Studies train what they say, resume, and tell what came of it; their page is written from that alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ferlite
from ferlite.benchmarks import machine
from ferlite.data import metrics
from ferlite.data.dataset import Dataset, Faces
from ferlite.data.ferplus import Votes
from ferlite.data.results import files
from ferlite.data.results.study import StudyResult
from ferlite.errors import DataError, UnknownNameError, UsageError
from ferlite.tools import __main__ as tools
from ferlite.tools import studies_page
from ferlite.train import recipes
from ferlite.train.runs import Run
from ferlite.train.studies.run import Row, run_study
from ferlite.train.studies.study import Study, Variant, load_study, study_names

RECIPE = 'name = "tiny"\nnetwork = "small"\nsize = 16\nepochs = 1\nbatch = 32\n'
STUDY = """
name = "two"
description = "Two that differ."
recipe = "{recipe}"

[[variants]]
name = "plain"
published = "99 %"

[[variants]]
name = "longer"
change = {{ epochs = 2, optimizer = {{ learning_rate = 0.01 }} }}

[[variants]]
name = "onwards"
start = "plain"
change = {{ start = "run", trainable_from = "logits" }}
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "tiny.toml").write_text(RECIPE)
    (tmp_path / "two.toml").write_text(STUDY.format(recipe=tmp_path / "tiny.toml"))
    return load_study(tmp_path / "two.toml")


def first_class(run, dataset, faces):
    return np.zeros(len(faces), np.int64)


def unexpected(run, dataset, faces):
    raise AssertionError("a finished variant was converted again")


@pytest.mark.parametrize("name", study_names())
def test_every_recipe_of_a_shipped_study_is_valid(name):
    study = load_study(name)
    assert study.name == name
    assert study.commands[-1].startswith(f"ferlite study {name} --data ")
    assert len({variant.name for variant in study.variants}) == len(study.variants)
    for variant in study.variants:
        assert study.recipe_of(variant).epochs


def test_the_six_class_study_has_eight_variants_of_six_classes():
    study = load_study("six-class")
    assert len(study.variants) == 8
    assert all(len(study.recipe_of(variant).labels) == 6 for variant in study.variants)


def test_a_study_trains_resumes_and_scores_its_variants(study, data, tmp_path):
    rows = run_study(study, data, tmp_path / "out", int8=first_class, about=machine.describe())
    assert [row.variant for row in rows] == ["plain", "longer", "onwards"]
    assert [row.epochs for row in rows] == [(1,), (2,), (1,)]
    for row in rows:
        assert row.float32 is not None
        assert row.int8 is not None
        assert row.float32.count == 30
        assert row.int8.accuracy == pytest.approx(0.5)
        assert row.faces == (100,)
    written = files.read(tmp_path / "out" / files.STUDY, files.STUDY_SCHEMA)
    assert [row["float32"]["accuracy"] for row in written["rows"]] == [
        row.float32 and row.float32.accuracy for row in rows
    ]
    assert written["about"]["machine"] == machine.describe()["machine"]
    assert written["rows"][0]["published"] == "99 %"
    assert {"study.png", "confusion.png"} <= {path.name for path in (tmp_path / "out").iterdir()}
    before = (tmp_path / "out" / "longer" / "best.keras").stat().st_mtime_ns
    again = run_study(study, data, tmp_path / "out", int8=None)
    assert [(row.float32, row.int8) for row in again] == [(row.float32, None) for row in rows]
    again = run_study(study, data, tmp_path / "out", int8=unexpected)
    assert again == rows
    assert (tmp_path / "out" / "longer" / "best.keras").stat().st_mtime_ns == before


def test_a_variant_that_goes_on_learns_only_what_it_may(study, data, tmp_path):
    run_study(study, data, tmp_path)
    before, after = (Run.open(tmp_path / name).network() for name in ("plain", "onwards"))
    for old, new in zip(before.layers, after.layers, strict=True):
        same = all(np.array_equal(a, b) for a, b in zip(old.get_weights(), new.get_weights(), strict=True))
        assert same == (new.name != "logits" or not new.get_weights())


def test_folds_are_scored_on_all_test_faces_together(tmp_path, data):
    everything = Faces.joined([data.split("train"), data.split("validation")])
    everything = Faces(everything.images, everything.labels, np.arange(130))
    dataset = Dataset("halves", data.label_names, {"train": everything}, "1" * 64)
    (tmp_path / "tiny.toml").write_text(RECIPE + 'splits = "stratified"\nfolds = 2\n')
    study = Study(name="f", description="-", recipe=str(tmp_path / "tiny.toml"), variants=(Variant(name="a"),))
    (row,) = run_study(study, dataset, tmp_path / "out")
    assert row.float32 is not None
    assert row.float32.count == 130
    assert len(row.epochs) == 2
    assert json.loads((tmp_path / "out" / "study.json").read_text())["evaluated"] == "the test folds together"


def test_votes_go_to_the_variants_that_use_them(study, data, tmp_path):
    counts = np.tile([0, 1, 0, 9, 0, 0, 0, 0], (160, 1))
    splits = np.repeat(["train", "validation", "test"], [100, 30, 30])
    rows = {name: np.arange(160)[splits == name] for name in data.splits}
    parts = {name: Faces(part.images, part.labels, rows[name]) for name, part in data.splits.items()}
    dataset = Dataset("halves", data.label_names, parts, "2" * 64)
    votes = Votes("votes.csv", "3" * 64, tuple(splits), counts, np.zeros((160, 2), int))
    voted = Variant(name="voted", change={"votes": "majority"})
    study = Study(name="v", description="-", recipe=study.recipe, variants=(study.variants[0], voted))
    run_study(study, dataset, tmp_path / "out", votes=votes)
    assert [("votes" in Run.open(tmp_path / "out" / name).info) for name in ("plain", "voted")] == [False, True]


def test_what_wants_weights_is_left_out_by_name_where_there_are_none(data, tmp_path):
    study = load_study("transfer")
    rows = run_study(study, data, tmp_path, only="vgg16-frozen", weights={"vgg16": "none"})
    assert rows[0].why_not == "not run: no weights here"
    rows = run_study(study, data, tmp_path, only="vgg16-fine-tuned")
    assert rows[0].why_not == "not run: vgg16-frozen was not"


def test_a_search_keeps_what_scored_best_and_comes_by_the_same_trials_again(tmp_path, data):
    (tmp_path / "tiny.toml").write_text(RECIPE)
    search = {"trials": 2, "epochs": 1, "space": {"optimizer.learning_rate": [1e-5, 0.01], "l2": [0.0, 1e-4]}}
    variant = Variant.model_validate({"name": "a", "search": search})
    study = Study(name="s", description="-", recipe=str(tmp_path / "tiny.toml"), variants=(variant,))
    (row,) = run_study(study, data, tmp_path / "out")
    trials = [Run.open(tmp_path / "out" / "a-search" / f"trial-{number}") for number in (1, 2)]
    best = max(trials, key=lambda run: run.info["best"]["val_accuracy"])
    assert row.found == {"optimizer.learning_rate": best.recipe.optimizer.learning_rate, "l2": best.recipe.l2}
    times = [(run.folder / "best.keras").stat().st_mtime_ns for run in trials]
    run_study(study, data, tmp_path / "out")
    assert [(run.folder / "best.keras").stat().st_mtime_ns for run in trials] == times


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ('name = "x"', DataError, "description: Field required"),
        ("name = ", DataError, "is not a TOML file"),
        ('name = "x"\ndescription = "-"\nvariants = []', DataError, "variants"),
        (
            'name = "x"\ndescription = "-"\n[[variants]]\nname = "a"\nstart = "b"',
            DataError,
            "variant a starts from b, which must come before it",
        ),
    ],
)
def test_a_damaged_study_is_refused(tmp_path, text, error, message):
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(error, match=message):
        load_study(tmp_path / "x.toml")


@pytest.mark.parametrize(
    ("given", "changed", "nearest"),
    [
        ("description", "descriptio", "description"),
        ("published", "publishd", "published"),
        ("change = {", "search = { trial = 2, epochs = 1, space = {} }\nchange = {", "trials"),
    ],
)
def test_an_unknown_key_of_a_study_is_refused_with_the_nearest(tmp_path, given, changed, nearest):
    (tmp_path / "two.toml").write_text(STUDY.format(recipe="quickstart").replace(given, changed, 1))
    with pytest.raises(UnknownNameError, match=rf"two\.toml: .*did you mean '{nearest}'"):
        load_study(tmp_path / "two.toml")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"name": "../x"}, "name: a recipe or study can't be called '../x'"),
        ({"space": {"l2": [float("inf")]}}, "space"),
        ({"space": {"l2": []}}, "space"),
        ({"space": {"batch": [8, "x"]}}, "space"),
        ({"space": {"batch": [8, 10**30]}}, "batch: Input should be less than"),
        ({"trials": 10**30}, "trials"),
    ],
)
def test_a_name_or_number_without_sense_is_refused_before_anything_is_trained(keys, message):
    search = {"trials": 1, "epochs": 1, "space": {}} | keys
    variant = {"name": "searched", "recipe": "quickstart", "search": search}
    with pytest.raises(DataError, match=message):
        _recipes({"name": search.pop("name", "x"), "description": "-", "variants": [variant]})


def _recipes(values):
    study = Study.parse(values, "x.toml")
    return [study.recipe_of(variant) for variant in study.variants]


def test_a_change_of_no_key_is_refused_with_the_nearest(study):
    variant = study.variants[0].model_copy(update={"change": {"epoch": 3}})
    with pytest.raises(UnknownNameError, match="did you mean 'epochs'"):
        study.recipe_of(variant)


def test_what_is_missing_for_a_study_is_said(study, data, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'plain'"):
        run_study(study, data, tmp_path, only="plan")
    # The variant that needs it is not the first: nothing may have been trained by then.
    with pytest.raises(UsageError, match="variant balanced of four-class needs --extra"):
        run_study(load_study("four-class"), data, tmp_path)
    with pytest.raises(UsageError, match="variant balanced of four-class needs --start"):
        run_study(load_study("four-class"), data, tmp_path, extra=data)
    with pytest.raises(UsageError, match="variant faces-only of ferlite-m needs --votes"):
        run_study(load_study("ferlite-m"), data, tmp_path)
    assert not list(tmp_path.glob("*/run.json"))


def test_recipes_change_by_key_table_and_dotted_key():
    recipe = recipes.load("quickstart")
    changed = recipes.change(recipe, {"epochs": 9, "optimizer.learning_rate": 0.5, "augmentation": {"rotation": 1}})
    assert (changed.epochs, changed.optimizer.learning_rate, changed.augmentation.rotation) == (9, 0.5, 1)
    assert changed.optimizer.schedule == recipe.optimizer.schedule


def test_the_committed_page_is_what_the_committed_results_say(tmp_path):
    tools.studies_page(out=tmp_path / "studies.md")
    committed = Path(ferlite.__file__).parent / "docs" / "studies.md"
    assert committed.read_text() == (tmp_path / "studies.md").read_text()


def test_a_damaged_file_of_answers_is_named(study, data, tmp_path):
    run_study(study, data, tmp_path, only="plain")
    (tmp_path / "plain" / "answers.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"answers\.npz is damaged.*remove it"):
        run_study(study, data, tmp_path, only="plain")


@pytest.mark.parametrize("name", ["plain", "../plain"])
def test_names_that_can_be_no_folders_of_their_own_are_refused(study, tmp_path, name):
    (tmp_path / "again.toml").write_text((tmp_path / "two.toml").read_text().replace('"longer"', f'"{name}"'))
    with pytest.raises(DataError, match=r"two variants plain|should match pattern"):
        load_study(tmp_path / "again.toml")


def test_answers_are_filled_in_with_the_figures_of_the_rows(study):
    scores = metrics.score(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]), ("happy", "sad"))
    recipe = recipes.fingerprint(study.recipe_of(study.variants[0]))
    row = Row("plain", recipe=recipe, float32=scores, faces=(4,), epochs=(1,), binary_accuracy=0.9).to_json()
    result = StudyResult(
        schema=files.STUDY_SCHEMA, study="two", data="d", sha256="0", evaluated="v", about=None, versions={}, rows=[row]
    )
    answers = ("{plain.accuracy}, {plain.taken[happy for sad]}, {plain.binary}", "{longer.accuracy} was not run")
    asked = study.model_copy(update={"answers": answers})
    page = studies_page.page([result], {"two": asked})
    assert "- 75.0%, 33%, 90.0%\n" in page
    assert "was not run" not in page
    row["recipe"] = "another"
    with pytest.raises(DataError, match="variant plain of two was run by another recipe"):
        studies_page.page([result], {"two": asked})


def test_confusions_are_named_from_the_most_frequent():
    scores: Any = {"recall": {"a": 0.5, "b": 0.9}, "confusion": [[5, 5], [1, 9]]}
    assert studies_page.confusions(scores) == ["a for b 50%", "b for a 10%"]
