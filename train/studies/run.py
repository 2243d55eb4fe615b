"""Running a study: training its variants, or resuming them, scoring them alike, and comparing them.

A study folder holds a run folder for each variant (and fold), and

    study.json      what was trained and what it scored
    study.png       accuracy of the variants with their intervals, float and int8
    confusion.png   confusion matrix of the best variant

Beside the files that `runs` names, a run folder holds

    answers.npz     the true classes, the float network's probabilities, and the classes that int8 names

from which a finished variant is scored again; remove it to have them worked out anew.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data import metrics
from ...data.dataset import Dataset, Faces
from ...data.ferplus import Votes
from ...data.results.environment import Environment
from ...data.results.files import STUDY, STUDY_SCHEMA
from ...data.results.study import StudyResult
from ...errors import DataError, UsageError, WeightsError, unknown
from ...models.files import replacing, write_json
from ...models.native_log import muted_stderr
from .. import figures, recipes
from ..initial_weights import NONE
from ..preparation import prepare
from ..recipes import Recipe
from ..runs import Run, read_history
from ..training import predict, train, versions
from .chart import draw_study
from .row import Row
from .search import find
from .study import Study, Variant

Int8 = Callable[[Run, Dataset, Faces], NDArray[np.int64]]
"""Converts a run that was trained on a data set, and returns the classes that its int8 graph names."""


def run_study(
    study: Study,
    dataset: Dataset,
    folder: str | Path,
    *,
    extra: Dataset | None = None,
    votes: Votes | None = None,
    weights: Mapping[str, str | Path] | None = None,
    start: str | Path | None = None,
    only: str = "",
    int8: Int8 | None = None,
    about: Environment | None = None,
    on_row: Callable[[Row], None] = lambda row: None,
    on_progress: Callable[[str, float], None] = lambda what, share: None,
) -> list[Row]:
    """Train, or resume, all variants and compare them.

    Args:
        study: What to do.
        dataset: As it was read.
        folder: Study folder, made if missing.
        extra: Additional data for the variants that want it.
        votes: Votes of FER+ for the rows of `dataset`, for the variants whose recipes need them.
        weights: Network by its file of ImageNet weights, or `initial_weights.NONE` to leave its variants out. Those
            of a network that is not named are downloaded, and where that fails its variants are not run.
        start: A run folder, for variants that go on from a run outside of the study.
        only: Name of the single variant to run; those before it that it starts from must be there. The
            comparison is not written then.
        int8: How to quantize; None leaves int8 out.
        about: Machine and date, to keep with the result.
        on_row: Called when a variant is done.
        on_progress: Called with what is being trained and the done share of it.

    Returns:
        A row for each variant. Folds are evaluated on all their test faces together, other variants on
        the validation split: a test split that the data bring along is not looked at.

    Raises:
        UsageError: A variant wants additional data, votes, or a run to go on from, and there are none.
        UnknownNameError: There is no variant `only`.
        DataError: The data do not fit, or a loss is no number any more.
        OutputError: The folder can't be written.
    """
    folder = Path(folder)
    if only and only not in {variant.name for variant in study.variants}:
        raise unknown(f"variant of {study.name}", only, [variant.name for variant in study.variants])
    given = {"--extra": extra, "--votes": votes, "--start": start}
    works: list[_Work] = []
    for variant in study.variants:
        if only and variant.name != only:
            continue
        recipe = study.recipe_of(variant)
        wanted = {
            "--extra": variant.extra,
            "--votes": recipe.needs_votes,
            "--start": recipe.start == "run" and not variant.start,
        }
        # Found out now, not after the hours that the variants before it take.
        for option, wants in wanted.items():
            if wants and given[option] is None:
                raise UsageError(f"variant {variant.name} of {study.name} needs {option}")
        more, counted = extra if variant.extra else None, votes if recipe.needs_votes else None
        works.append(_Work(recipe, variant, folder, dataset, more, counted, start))
    rows: list[Row] = []
    for work in works:
        rows.append(_row(work, weights or {}, int8, on_progress))
        on_row(rows[-1])
    evaluated = "the test folds together" if any(work.folded for work in works) else "validation"
    if not only:
        _write(study, dataset, rows, evaluated, about, folder)
    return rows


def _write(
    study: Study, dataset: Dataset, rows: Sequence[Row], evaluated: str, about: Environment | None, folder: Path
) -> None:
    result: StudyResult = {
        "schema": STUDY_SCHEMA,
        "study": study.name,
        "data": dataset.name,
        "sha256": dataset.sha256,
        "evaluated": evaluated,
        "about": about,
        "versions": versions(),
        "rows": [row.to_json() for row in rows],
    }
    write_json(folder / STUDY, result)
    draw_study(rows, f"{study.name} ({evaluated})", folder / "study.png")
    done = [(row.float32.accuracy, row.variant, row.float32) for row in rows if row.float32]
    if done:
        accuracy, variant, scores = max(done, key=lambda one: one[0])
        title = f"{study.name}, {variant}, n = {scores.count}: {accuracy:.1%}"
        figures.draw_confusion(scores, title, folder / "confusion.png")


@dataclass(frozen=True)
class _Work:
    """One variant and what it works on."""

    recipe: Recipe
    variant: Variant
    folder: Path
    dataset: Dataset
    extra: Dataset | None
    votes: Votes | None
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
    known: Any = {"variant": variant.name, "published": variant.published, "differs": variant.differs}
    known["recipe"] = recipes.fingerprint(recipe)
    start: str | Path | None = None
    if variant.start:
        start = work.folder / variant.start
        if not (start / "metrics.json").exists():
            return Row(**known, why_not=f"not run: {variant.start} was not")
    elif recipe.start == "run":
        start = work.start
    elif recipe.start == "imagenet":
        start = weights.get(recipe.network)
        if start == NONE:
            return Row(**known, why_not="not run: no weights here")
    found: dict[str, Any] = {}
    if variant.search:
        trials = work.folder / f"{variant.name}-search"
        found = find(
            recipe,
            variant.search,
            work.dataset,
            trials,
            extra=work.extra,
            votes=work.votes,
            start=start,
            on_progress=on_progress,
        )
        work = replace(work, recipe=recipes.change(recipe, found))

    runs: list[Run] = []
    answers: list[dict[str, NDArray[Any]]] = []
    for chosen, folder in work.folds():

        def on_step(epoch: int, step: int, steps: int, name: str = folder.name, epochs: int = chosen.epochs) -> None:
            on_progress(f"{name}, epoch {epoch} of {epochs}", (epoch - 1 + step / steps) / epochs)

        try:
            run = train(chosen, work.dataset, folder, extra=work.extra, votes=work.votes, start=start, on_step=on_step)
        except WeightsError as error:
            return Row(**known, why_not=f"not run: no weights here ({error})")
        runs.append(run)
        answers.append(_answers(run, work, int8, on_progress))
    labels, probabilities = (np.concatenate([one[key] for one in answers]) for key in ("labels", "float32"))
    names = tuple(runs[0].info["labels"])
    return Row(
        **known,
        parameters=runs[0].info["parameters"],
        macs=runs[0].info["macs"],
        faces=tuple(
            sum(run.info[key]["faces"]["train"] for key in ("data", "extra") if key in run.info) for run in runs
        ),
        epochs=tuple(run.info["epochs_done"] for run in runs),
        seconds=sum(row["seconds"] for run in runs for row in read_history(run.folder, run.info["epochs_done"])),
        found=found,
        float32=metrics.score(probabilities.argmax(1), labels, names),
        int8=metrics.score(np.concatenate([one["int8"] for one in answers]), labels, names) if int8 else None,
        binary_accuracy=metrics.binary_accuracy(probabilities, labels),
    )


def _answers(
    run: Run, work: _Work, int8: Int8 | None, on_progress: Callable[[str, float], None]
) -> dict[str, NDArray[Any]]:
    """Return what a finished run's networks say of its faces, worked out once and kept in its folder."""
    path = run.folder / "answers.npz"
    kept: dict[str, Any] = {}
    if path.exists():
        try:
            with np.load(path) as file:
                kept = {key: file[key] for key in ("labels", "float32", "int8") if key != "int8" or key in file}
        except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is damaged: {error}; remove it, and it will be made again") from error
    if kept and (int8 is None or "int8" in kept):
        return kept
    prepared = prepare(work.dataset, run.recipe, work.votes)
    faces = prepared.split("test" if work.folded else "validation")
    if not kept:
        with muted_stderr():  # TensorFlow finds that networks of several shapes are many
            kept = {"labels": faces.labels, "float32": predict(run.network(), faces)}
    if int8:
        on_progress(f"{run.folder.name}, int8", 1.0)
        kept["int8"] = int8(run, prepared, faces)
    with replacing(path) as temporary:
        np.savez(temporary, **kept)
    return kept
