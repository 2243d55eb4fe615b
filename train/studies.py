"""Studies: several recipes that differ in one thing each, trained on the same faces and compared.

The shipped ones lie in `train/studies/`, and name what they set out from: a published project, or the
question that one left open. A study folder holds a run folder for each variant (and fold), and

    study.json      what was trained and what it scored
    study.png       accuracy of the variants with their intervals, float and int8
    confusion.png   confusion matrix of the best variant
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..models.errors import DataError, UsageError, unknown
from ..models.files import read_bytes, write_json
from ..models.quiet import quiet
from . import figures, metrics, recipes
from .datasets import Dataset, Faces
from .preparation import prepare
from .recipes import Recipe
from .runs import Run, read_history
from .search import Search, find
from .starting import NONE
from .training import predict, train, versions

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


@dataclass(frozen=True)
class Row:
    """What a variant reached.

    Attributes:
        variant: Its name.
        published: What was published for it.
        differs: In what ours differs from that.
        why_not: Why it was not run; all below is empty then.
        parameters: Of the network.
        macs: Multiply-accumulates of one inference.
        faces: Faces trained on, of each fold.
        epochs: Epochs trained, of each fold.
        seconds: Time of training.
        found: What a search found.
        float32: Scores of the float network.
        int8: Scores of its int8 graph on the same faces; None if int8 was left out.
        binary_accuracy: What Keras' binary accuracy makes of the float network's answers.
    """

    variant: str
    published: str = ""
    differs: str = ""
    why_not: str = ""
    parameters: int = 0
    macs: int = 0
    faces: tuple[int, ...] = ()
    epochs: tuple[int, ...] = ()
    seconds: float = 0
    found: dict[str, Any] = field(default_factory=dict)
    float32: metrics.Scores | None = None
    int8: metrics.Scores | None = None
    binary_accuracy: float = 0


Int8 = Callable[[Run, Dataset, Faces], NDArray[np.int64]]
"""Converts a run that was trained on a data set, and returns the classes that its int8 graph names."""


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


def run(
    study: Study,
    dataset: Dataset,
    folder: str | Path,
    *,
    extra: Dataset | None = None,
    weights: Mapping[str, str | Path] | None = None,
    start: str | Path | None = None,
    only: str = "",
    int8: Int8 | None = None,
    about: Mapping[str, Any] | None = None,
    on_row: Callable[[Row], None] = lambda row: None,
    on_progress: Callable[[str, float], None] = lambda what, share: None,
) -> list[Row]:
    """Train, or resume, all variants and compare them.

    Args:
        study: What to do.
        dataset: As it was read.
        folder: Study folder, made if missing.
        extra: Additional data for the variants that want it.
        weights: Network by its file of ImageNet weights; `starting.NONE` for random ones. A network that is
            not named is downloaded, and where that fails its variants are not run.
        start: A run folder, for variants that go on from a run outside of the study.
        only: Name of the single variant to run; those before it that it starts from must be there.
        int8: How to quantize; None leaves int8 out.
        about: Machine and date, to keep with the result.
        on_row: Called when a variant is done.
        on_progress: Called with what is being trained and the done share of it.

    Returns:
        A row for each variant. Folds are evaluated on all their test faces together, other variants on
        the validation split: a test split that the data bring along is not looked at.

    Raises:
        UsageError: A variant wants additional data and there are none.
        UnknownNameError: There is no variant `only`.
        DataError: The data do not fit, or a loss is no number any more.
        OutputError: The folder can't be written.
    """
    folder = Path(folder)
    if only and only not in {variant.name for variant in study.variants}:
        raise unknown(f"variant of {study.name}", only, [variant.name for variant in study.variants])
    rows: list[Row] = []
    evaluated = "validation"
    for variant in study.variants:
        if only and variant.name != only:
            continue
        if variant.extra and extra is None:
            raise UsageError(f"variant {variant.name} trains on additional data too; give them with --extra")
        recipe = study.recipe_of(variant)
        if recipe.start == "run" and not variant.start and start is None:
            raise UsageError(f"variant {variant.name} goes on from another run; give its folder with --start")
        work = _Work(recipe, variant, folder, dataset, extra if variant.extra else None, start)
        evaluated = "the test folds together" if work.folded else evaluated
        rows.append(_row(work, weights or {}, int8, on_progress))
        on_row(rows[-1])
    result = {
        "study": study.name,
        "description": study.description,
        "data": dataset.name,
        "sha256": dataset.sha256,
        "evaluated": evaluated,
        "about": dict(about or {}),
        "versions": versions(),
        "rows": [asdict(row) for row in rows],
    }
    write_json(folder / "study.json", result)
    figures.draw_study(rows, f"{study.name} ({evaluated})", folder / "study.png")
    done = [(row.float32.accuracy, row.variant, row.float32) for row in rows if row.float32]
    if done:
        accuracy, variant, scores = max(done, key=lambda one: one[0])
        title = f"{study.name}, {variant}, n = {scores.count}: {accuracy:.1%}"
        figures.draw_confusion(scores, title, folder / "confusion.png")
    return rows


@dataclass(frozen=True)
class _Work:
    """One variant and what it works on."""

    recipe: Recipe
    variant: Variant
    folder: Path
    dataset: Dataset
    extra: Dataset | None
    start: str | Path | None

    @property
    def folded(self) -> bool:
        return self.recipe.splits != "official"

    def folds(self) -> list[tuple[Recipe, Path]]:
        """Return a recipe and a run folder for each training."""
        if not self.folded:
            return [(self.recipe, self.folder / self.variant.name)]
        return [
            (recipes.change(self.recipe, {"fold": fold}), self.folder / f"{self.variant.name}-fold-{fold}")
            for fold in range(self.recipe.folds)
        ]


def _row(
    work: _Work, weights: Mapping[str, str | Path], int8: Int8 | None, on_progress: Callable[[str, float], None]
) -> Row:
    variant, recipe = work.variant, work.recipe
    told: Any = {"variant": variant.name, "published": variant.published, "differs": variant.differs}
    start: str | Path | None = None
    if variant.start:
        start = work.folder / variant.start
        if not (start / "metrics.json").exists():
            return Row(**told, why_not=f"not run: {variant.start} was not")
    elif recipe.start == "run":
        start = work.start
    elif recipe.start == "imagenet":
        start = weights.get(recipe.network)
        if start == NONE:
            return Row(**told, why_not="not run: no weights here")
    found: dict[str, Any] = {}
    if variant.search:
        trials = work.folder / f"{variant.name}-search"
        found = find(recipe, variant.search, work.dataset, trials, on_progress=on_progress)
        work = replace(work, recipe=recipes.change(recipe, found))

    runs: list[Run] = []
    answers: list[NDArray[np.float32]] = []
    quantized: list[NDArray[np.int64]] = []
    truth: list[NDArray[np.int64]] = []
    for chosen, folder in work.folds():

        def on_step(epoch: int, step: int, steps: int, name: str = folder.name, epochs: int = chosen.epochs) -> None:
            on_progress(f"{name}, epoch {epoch} of {epochs}", (epoch - 1 + step / steps) / epochs)

        try:
            run = train(chosen, work.dataset, folder, extra=work.extra, start=start, on_step=on_step)
        except DataError as error:
            if recipe.start != "imagenet" or start is not None:
                raise
            return Row(**told, why_not=f"not run: no weights here ({error})")
        prepared = prepare(work.dataset, chosen)
        faces = prepared.split("test" if work.folded else "validation")
        runs.append(run)
        with quiet():  # TensorFlow finds that networks of several shapes are many
            answers.append(predict(run.network(), faces))
        truth.append(faces.labels)
        if int8:
            on_progress(f"{folder.name}, int8", 1.0)
            quantized.append(int8(run, prepared, faces))
    labels, probabilities = np.concatenate(truth), np.concatenate(answers)
    names = tuple(runs[0].info["labels"])
    return Row(
        **told,
        parameters=runs[0].info["parameters"],
        macs=runs[0].info["macs"],
        faces=tuple(
            sum(run.info[key]["faces"]["train"] for key in ("data", "extra") if key in run.info) for run in runs
        ),
        epochs=tuple(run.info["epochs_done"] for run in runs),
        seconds=sum(row["seconds"] for run in runs for row in read_history(run.folder)),
        found=found,
        float32=metrics.score(probabilities.argmax(1), labels, names),
        int8=metrics.score(np.concatenate(quantized), labels, names) if quantized else None,
        binary_accuracy=metrics.binary_accuracy(probabilities, labels),
    )
