"""README and docs speak of commands, options, recipes, names and files that exist."""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

import ferlite
from ferlite.cli.commands import app

HOUSE = Path(ferlite.__file__).parent
# Generated pages have tests of their own.
GENERATED = {"cli.md", "studies.md"}
PAGES = [HOUSE / "README.md", HOUSE / "CONTRIBUTING.md", *sorted((HOUSE / "docs").glob("*.md"))]
WRITTEN = {page: page.read_text() for page in PAGES if page.name not in GENERATED}
README = WRITTEN[HOUSE / "README.md"]
FERLITE: Any = typer.main.get_command(app)
TOOLS: Any = typer.main.get_command(importlib.import_module("ferlite.tools.__main__").app)


def code(text: str) -> list[str]:
    """Return the lines of a page's code blocks, and what stands between single backticks."""
    fence = r"^```.*?$(.*?)^```"
    blocks = "\n".join(re.findall(fence, text.replace("\\\n", " "), re.M | re.S))
    indented = re.findall(r"^    (\S.*)", text, re.M)
    return [*blocks.splitlines(), *indented, *re.findall(r"`([^`\n]+)`", re.sub(fence, "", text, flags=re.M | re.S))]


CODE = sorted({line.strip() for text in WRITTEN.values() for line in code(text)})
LINES = [match[1] for line in CODE if (match := re.match(r"(?:\S*/bin/|.* && \S*/bin/)?ferlite (.+)", line))]
TOOL_LINES = [match[1] for line in CODE if (match := re.match(r"python -m ferlite\.tools (.+)", line))]


def options(line: str) -> set[str]:
    """The long options that a line shows."""
    return set(re.findall(r"(?<!\S)--[a-z0-9-]+", line))


def known_options(command: Any, line: str = "") -> set[str]:
    """The options of the command that a line names, and of those above it; fails if there is no such command."""
    known = {"--help"}
    words = re.findall(r"(?<!\S)[a-z][a-z-]*(?!\S)", line)
    while True:
        known |= {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        children = getattr(command, "commands", {})
        if not children or not words:
            return known
        word = words.pop(0)
        assert word in children, f"there is no command {word!r}, which {line!r} shows"
        command = children[word]


def all_options(command: Any) -> set[str]:
    """The options of a command and of all below it."""
    return known_options(command).union(*map(all_options, getattr(command, "commands", {}).values()))


def test_readme_and_docs_show_every_command():
    assert {line.split()[0] for line in LINES} >= set(FERLITE.commands)
    assert {line.split()[0] for line in TOOL_LINES} == set(TOOLS.commands)


@pytest.mark.parametrize("line", LINES)
def test_every_command_and_option_shown_exists(line: str):
    assert options(line) <= known_options(FERLITE, line)


@pytest.mark.parametrize("line", TOOL_LINES)
def test_every_tool_and_option_shown_exists(line: str):
    assert options(line) <= known_options(TOOLS, line)


def test_every_option_named_alone_is_one_of_some_command():
    named = {option for line in CODE if line.startswith("--") for option in options(line)}
    assert named <= all_options(FERLITE) | all_options(TOOLS)


@pytest.mark.parametrize("line", [line for line in LINES if re.search(r"--recipe (?!NAME|mine)", line)])
def test_every_recipe_shown_starts_from_what_it_is_given(line: str):
    recipes = pytest.importorskip("ferlite.train.recipes")
    recipe = recipes.load(re.findall(r"--recipe (\S+)", line)[0])
    assert ("--start" in line) == (recipe.start == "run")


def test_the_training_page_names_every_shipped_recipe():
    page = WRITTEN[HOUSE / "docs" / "training.md"]
    shipped = {path.stem for path in (HOUSE / "train" / "recipes").glob("*.toml")}
    assert shipped <= set(re.findall(r"`([a-z0-9-]+)`", page))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_name_imported_is_public(page: Path):
    for line in re.findall(r"^from ferlite import \(?([^#()\n]+)", WRITTEN[page], re.M):
        for name in filter(None, (part.strip() for part in line.split(","))):
            assert name in ferlite.__all__
            assert getattr(ferlite, name)


def test_the_readme_shows_python():
    assert re.search(r"^from ferlite import \w", README, re.M)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_heading_that_exist(page: Path):
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", WRITTEN[page]):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_python_file_and_folder_named_exists(page: Path):
    places = re.findall(r"`((?:[a-z_]+/)+[\w.-]*)`", WRITTEN[page])
    rooms = {path.name for path in HOUSE.iterdir() if path.is_dir()} - {"build", "runs"}  # made on the way
    for place in places:
        if place.split("/")[0] in rooms and "NAME" not in place:
            assert (HOUSE / place).exists(), f"{page.name}: {place}"


def test_the_readme_s_scores_are_those_of_the_log():
    looks = [json.loads(line) for line in (HOUSE / "benchmarks" / "reference" / "final.jsonl").read_text().splitlines()]
    scores = {(look["model"], look["scheme"]): look for look in looks}  # the last look at each is the shipped file's
    row = r"^\| `([\w-]+)` \|.*\| (float32|int8) \| ([\d.]+) % \[([\d.]+), ([\d.]+)\] \| ([\d.]+) % \| ([\d.]+) \|"
    rows = re.findall(row, README, re.M)
    assert len(rows) == 4
    for model, scheme, *figures in rows:
        look = scores[model, scheme]
        shown = [f"{100 * look['accuracy']:.2f}", *(f"{100 * end:.1f}" for end in look["interval"])]
        recall = list(look["recall"].values())
        shown += [f"{100 * sum(recall) / len(recall):.1f}", f"{look['calibration_error']:.3f}"]
        assert figures == shown
