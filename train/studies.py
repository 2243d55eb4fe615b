"""Studies: several recipes that differ in one thing each, to be trained on the same faces and compared.

The shipped ones lie in `train/studies/`, and name what they set out from: a published project, or the
question that one left open.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..models.errors import DataError, unknown
from ..models.files import read_bytes
from . import recipes
from .recipes import Recipe
from .search import Search

_FOLDER = Path(__file__).parent / "studies"


class Variant(BaseModel):
    """One line of a study.

    Attributes:
        name: Short name; also that of its folder.
        recipe: The recipe that it changes; that of the study if empty.
        change: Recipe keys by their new values; a table's keys are changed one by one.
        search: What to search for before training, see `search.Search`.
        start: The variant whose weights it starts from; with none, a recipe that goes on from a run starts from
            the one that `run` is given.
        extra: Whether it trains on additional data too.
        published: What was published for it, in words.
        differs: In what ours differs from what was published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    recipe: str = ""
    change: dict[str, Any] = {}
    search: Search | None = None
    start: str = ""
    extra: bool = False
    published: str = ""
    differs: str = ""


class Study(BaseModel):
    """What is compared.

    Attributes:
        name: Short name; also that of the study folder.
        description: One sentence for `ferlite study --list`.
        command: The line that runs it.
        watched: Published confusions, true label and what it was taken for.
        recipe: Name of the recipe that its variants change.
        variants: In the order of the table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str
    command: str = ""
    watched: tuple[tuple[str, str], ...] = ()
    recipe: str = ""
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]

    def recipe_of(self, variant: Variant) -> Recipe:
        """Return a variant's recipe.

        Raises:
            UnknownNameError: It changes a key that recipes don't have.
            DataError: A value does not fit.
        """
        base = recipes.load(variant.recipe or self.recipe)
        if not variant.change:
            return base
        return recipes.change(base, variant.change | {"name": f"{self.name}-{variant.name}"})


def names() -> list[str]:
    """Return the names of the shipped studies."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load(name: str | Path) -> Study:
    """Read a shipped study by name, or a TOML file by path.

    Raises:
        UnknownNameError: There is no such study.
        DataError: The file does not hold a study.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if str(name) not in names():
            raise unknown("study", str(name), names())
        path = _FOLDER / f"{name}.toml"
    try:
        study = Study.model_validate(tomllib.loads(read_bytes(path).decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a TOML file: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    before: set[str] = set()
    for variant in study.variants:
        if variant.start and variant.start not in before:
            raise DataError(f"{path}: variant {variant.name} starts from {variant.start}, which must come before it")
        before.add(variant.name)
    return study
