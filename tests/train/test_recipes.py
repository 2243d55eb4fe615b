from typing import Any

import pytest

from ferlite.errors import DataError, MissingFileError, UnknownNameError
from ferlite.train import recipes
from ferlite.train.networks.build import NETWORKS, build_network
from ferlite.train.networks.size import size_of
from ferlite.train.studies.study import load_study, study_names

MINIMAL = 'name = "mine"\nnetwork = "keras-cnn"\nepochs = 2\n'


def test_every_shipped_recipe_is_valid_and_named_as_its_file():
    assert {"ferlite-m", "keras-cnn"} <= set(recipes.names())
    for name in recipes.names():
        recipe = recipes.load(name)
        assert recipe.name == name
        assert recipe.description
        assert recipe.network in NETWORKS


def test_a_saved_recipe_is_the_same_when_read_back(tmp_path):
    recipe = recipes.load("ferlite-m")
    recipe.save(tmp_path / "recipe.toml")
    assert recipes.load(tmp_path / "recipe.toml") == recipe


def test_a_recipe_of_an_older_run_means_what_it_meant(tmp_path):
    (tmp_path / "recipe.toml").write_text(MINIMAL)
    recipe = recipes.load(tmp_path / "recipe.toml")
    assert (recipe.labels, recipe.merge, recipe.draw, recipe.splits) == ((), {}, 0, "official")
    assert (recipe.balance, recipe.loss, recipe.early_stopping) == ("none", "cross-entropy", 0)


def test_every_key_is_saved_and_read_back(tmp_path):
    keys = {
        "labels": ["neutral", "Happiness", "anger"],
        "merge": {"contempt": "angry"},
        "optimizer": {"schedule": "step", "steps": [1, 2], "factor": 0.5},
    }
    recipe = recipes.Recipe.model_validate({"name": "x", "network": "small", "epochs": 3, **keys})
    assert recipe.labels == ("neutral", "happy", "angry")
    recipe.save(tmp_path / "recipe.toml")
    assert recipes.load(tmp_path / "recipe.toml") == recipe


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("epoch = 3\n" + MINIMAL, "'epoch'; did you mean 'epochs'"),
        (MINIMAL + "[optimizer]\nlearning_rat = 1\n", "did you mean 'learning_rate'"),
        (MINIMAL + 'labels = ["hapy"]\n', r"mine\.toml.*'hapy'; did you mean 'happy'"),
        (MINIMAL + "[augmentation]\nflip_horizontl = true\n", "did you mean 'flip_horizontal'"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(tmp_path, text, complaint):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UnknownNameError, match=complaint):
        recipes.load(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = ", "not a TOML file"),
        ('name = "x"\nnetwork = "y"\n', "epochs: Field required"),
        (MINIMAL.replace("2", "0"), "epochs: .*greater than or equal to 1.*given: 0"),
        (MINIMAL + "[optimizer]\nwarmup_epochs = 2\n", "warmup_epochs must be less"),
        (MINIMAL + '[optimizer]\nname = "lion"\n', "optimizer.name"),
        (MINIMAL + '[optimizer]\nschedule = "step"\n', r"optimizer: steps goes with schedule"),
        (MINIMAL + '[optimizer]\nschedule = "step"\nsteps = [2, 2]\n', "steps must be epochs that rise"),
        (MINIMAL + "fold = 5\n", "there are folds 0 to 4"),
        (MINIMAL + 'splits = "random"\n', "splits: .*'official', 'stratified' or 'by-person'"),
        (MINIMAL + 'labels = ["happy", "Happiness"]\n', "labels must be two or more, each once"),
        (MINIMAL + 'labels = ["fear", "happy"]\nmerge = { fear = "sad" }\n', "'fear' another label"),
    ],
)
def test_a_wrong_value_is_named_with_file_and_key(tmp_path, text, complaint):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(DataError, match=rf"mine\.toml.*{complaint}"):
        recipes.load(tmp_path / "mine.toml")


def test_an_unknown_recipe_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'keras-cnn'"):
        recipes.load("keras-cn")


def test_a_missing_recipe_file_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"mine\.toml"):
        recipes.load(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [
        ("keras-cnn", 2_784_647, 130_458_496),
        ("plain-residual", 686_143, 52_845_440),
        ("plain-residual-branches", 683_479, 52_845_440),
        ("plain-residual-excite", 707_655, 52_866_432),
        ("plain-residual-early", 697_895, 59_149_184),
        ("plain-residual-small", 185_735, 11_416_824),
    ],
)
def test_networks_have_the_size_that_is_stated(name, parameters, macs):
    model = build_network(name, classes=7)
    assert size_of(model) == {"parameters": parameters, "macs": macs}
    outputs: Any = build_network(name, classes=4).output
    assert outputs.shape == (None, 4)


@pytest.mark.parametrize("name", study_names())
def test_every_recipe_that_a_study_is_told_to_train_starts_from_what_it_is_given(name):
    for line in load_study(name).commands:
        if "--recipe" in line:
            recipe = recipes.load(line.split("--recipe ")[1].split()[0])
            assert ("--start" in line) == (recipe.start == "run")


def test_an_unknown_network_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'keras-cnn'"):
        build_network("keras_cnn", 7)
