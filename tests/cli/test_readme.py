"""The README speaks of commands and names that exist."""

import re
from pathlib import Path

import pytest
import typer.main

import ferlite
from ferlite.cli.app import app

README = Path(ferlite.__file__).with_name("README.md")
COMMANDS = typer.main.get_command(app).commands
LINES = sorted(set(re.findall(r"ferlite (?!-env)[a-z][^`\n]*", README.read_text()))) if README.exists() else []
LINES = [line for line in LINES if line.split()[1] in COMMANDS]


def test_the_readme_shows_every_command():
    assert {line.split()[1] for line in LINES} == set(COMMANDS)


@pytest.mark.parametrize("line", LINES)
def test_every_option_that_the_readme_shows_exists(line):
    command = typer.main.get_command(app)
    for word in line.split()[1:]:
        command = getattr(command, "commands", {}).get(word, command)
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z]+[a-z-]*", line.split("|")[0])) <= known | {"--help"}


@pytest.mark.parametrize("line", [line for line in LINES if "--recipe NAME" not in line and "train --recipe" in line])
def test_every_recipe_that_the_readme_shows_starts_from_what_it_is_given(line):
    recipes = pytest.importorskip("ferlite.train.recipes")
    recipe = recipes.load(line.split("--recipe ")[1].split()[0])
    assert ("--start" in line) == (recipe.start == "run")


def test_the_readme_s_python_imports_what_there_is():
    names = re.findall(r"^from ferlite import (.+)$", README.read_text(), re.M)
    assert names
    for name in ", ".join(names).split(", "):
        assert name in ferlite.__all__
        assert getattr(ferlite, name)
