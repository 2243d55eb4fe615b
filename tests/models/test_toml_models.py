"""Hostile recipes: each is an error that names file and key, and none is believed."""

import pytest

from ferlite.errors import DataError, FerliteError
from ferlite.train import recipes

KEYS = {"name": '"mine"', "network": '"small"', "epochs": "2"}


def load(folder, **keys):
    """Load a recipe of one's own with some keys as TOML text; those of a table are written table__key."""
    text = "".join(f"{key.replace('__', '.')} = {value}\n" for key, value in (KEYS | keys).items())
    (folder / "mine.toml").write_text(text)
    return recipes.load(folder / "mine.toml")


def numbers():
    """Return the keys of a recipe whose values are numbers, those of tables too."""
    recipe = recipes.Recipe(name="x", network="small", epochs=2)
    tables = {f"{table}__": getattr(recipe, table) for table in ("optimizer", "augmentation", "distillation")}
    return [
        prefix + key
        for prefix, table in ({"": recipe} | tables).items()
        for key, value in table
        if type(value) in (int, float)
    ]


@pytest.mark.parametrize("key", numbers())
def test_a_number_without_end_or_sense_is_refused_for_every_key(tmp_path, key):
    for value in ("inf", "-inf", "nan", "1e30", "-1e30", "1e300", str(2**63), "9" * 4000):
        with pytest.raises(DataError, match=rf"mine\.toml: {key.replace('__', '[.]')}: .*given: "):
            load(tmp_path, **{key: value})


@pytest.mark.parametrize("key", ["optimizer__steps", "labels", "distillation__teachers"])
def test_a_list_of_what_does_not_belong_into_it_is_refused(tmp_path, key):
    for value in ("[1e30]", "[inf]", "[0]", "[{}]", "[[[]]]"):
        with pytest.raises(DataError, match=r"mine\.toml"):
            load(tmp_path, optimizer__schedule='"step"', **{key: value})


# As TOML writes them.
WRONG_NAMES = ("", " ", ".", "..", "../../X", "/X", "a/b", r"a\\b", ".hidden", r"a\u0000b", r"a\u001b[2Jb", "x" * 300)


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_name_that_is_no_name_of_a_file_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"mine\.toml: name: a recipe or study can't be called"):
        load(tmp_path, name=f'"{name}"')


@pytest.mark.parametrize("name", ["ferlite-m", "Größer 2", "x" * 100])
def test_an_ordinary_name_is_kept(tmp_path, name):
    assert load(tmp_path, name=f'"{name}"').name == name


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("[" * 5000 + "]" * 5000, "is nested too deeply"),
        ("{ a = " * 5000 + "1" + " }" * 5000, "is nested too deeply"),
        ("9" * 5000, "is not a TOML file: Exceeds the limit"),
    ],
)
def test_a_file_that_its_parser_gives_up_is_named(tmp_path, value, complaint):
    with pytest.raises(DataError, match=rf"mine\.toml {complaint}"):
        load(tmp_path, batch=value)


def test_a_key_of_many_parts_and_a_long_text_are_errors_of_a_line(tmp_path):
    for keys in ({"batch" + "__a" * 5000: "1"}, {"batch": f'"{"x" * 100_000}"'}, {"x" * 1000: "1"}):
        with pytest.raises(FerliteError, match=r"mine\.toml: ") as error:
            load(tmp_path, **keys)
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < 2500
