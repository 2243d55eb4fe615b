"""Studies: several recipes that differ in one thing each, to be trained on the same faces and compared.

The shipped ones lie in `train/studies/`, and name their starting point: a published project, or the
question that it left open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from ...models import toml_models
from ...models.toml_models import Name, Table
from .. import recipes
from ..recipes import Recipe
from .search import Search

_FOLDER = Path(__file__).parent


class Variant(Table):
    """One line of a study.

    Attributes:
        name: Short name; also that of its folder.
        recipe: The recipe that it changes; that of the study if empty.
        change: Recipe keys by their new values; a table's keys are changed one by one.
        search: Hyper-parameters to search before training, see `search.Search`.
        start: The variant whose weights it starts from; with none, a recipe that goes on from a run starts from
            the one that `run` is given.
        extra: Whether it trains on additional data too.
        published: The published result, in words.
        differs: How the reproduction differs from the published project.
    """

    name: Name = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    recipe: str = ""
    change: dict[str, Any] = Field(default_factory=dict)
    search: Search | None = None
    start: str = ""
    extra: bool = False
    published: str = ""
    differs: str = ""


class Study(Table):
    """What is compared.

    Attributes:
        name: Short name; also that of the study folder.
        description: One sentence for `ferlite study --list`.
        commands: The commands that run it, preceded by those that make the runs it starts from.
        watched: Published confusions, true label and what it was taken for.
        recipe: Name of the recipe that its variants change.
        variants: In the order of the table.
        answers: Conclusions, in sentences whose figures the page fills in: `{NAME.accuracy}`, `{NAME.mean}`
            (recall), `{NAME.binary}`, `{NAME.recall[sad]}` and `{NAME.taken[sad for fear]}` of variant NAME.
    """

    name: Name
    description: str
    commands: tuple[str, ...] = ()
    watched: tuple[tuple[str, str], ...] = ()
    recipe: str = ""
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]
    answers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_and_starts_fit(self) -> Study:
        before: set[str] = set()
        for variant in self.variants:
            if variant.name in before:
                raise ValueError(f"there are two variants {variant.name}")
            if variant.start and variant.start not in before:
                raise ValueError(f"variant {variant.name} starts from {variant.start}, which must come before it")
            before.add(variant.name)
        return self

    def recipe_of(self, variant: Variant) -> Recipe:
        """Return a variant's recipe.

        Raises:
            UnknownNameError: It changes or searches a key that recipes don't have.
            DataError: A value does not fit.
        """
        recipe = recipes.load(variant.recipe or self.recipe)
        if variant.change:
            recipe = recipes.change(recipe, variant.change | {"name": f"{self.name}-{variant.name}"})
        for key, choices in variant.search.space.items() if variant.search else ():
            for choice in choices:
                recipes.change(recipe, {key: choice})
        return recipe


def study_names() -> list[str]:
    """Return the names of the shipped studies."""
    return toml_models.names(_FOLDER)


def load_study(name: str | Path) -> Study:
    """Read a shipped study by name, or a TOML file by path; see `Table.read` for the errors."""
    return Study.read(name, _FOLDER)
