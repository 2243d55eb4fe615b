"""Hyper-parameter search over the keys of a recipe, by KerasTuner."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ...data.dataset import Dataset
from ...data.ferplus import Votes
from ...models.toml_models import Table
from ..recipes import Recipe, change
from ..runs import Run


class Search(Table):
    """What to search.

    Attributes:
        trials: Recipes to try, each a short training.
        epochs: Epochs of each.
        space: Recipe key, for instance `l2` or `optimizer.learning_rate`, by the values to choose from.
    """

    trials: int = Field(ge=1, le=10_000)
    epochs: int = Field(ge=1, le=10_000)
    space: dict[str, Annotated[list[int] | list[float] | list[str], Field(min_length=1)]]


def find(
    recipe: Recipe,
    search: Search,
    dataset: Dataset,
    folder: Path,
    *,
    extra: Dataset | None = None,
    votes: Votes | None = None,
    start: str | Path | None = None,
    on_progress: Callable[[str, float], None] = lambda what, share: None,
) -> dict[str, Any]:
    """Find the values with the highest validation accuracy after a few epochs, drawn at random.

    A finished trial is its run folder. The draws follow from the recipe's seed, so that an interrupted
    search repeats the same trials and trains only the missing ones. (Random draws beat a grid:
    Bergstra and Bengio 2012.)

    Args:
        recipe: What does not change.
        search: What to search.
        dataset: As it was read.
        folder: Where trials are kept.
        extra: As for `training.train`.
        votes: As for `training.train`.
        start: As for `training.train`.
        on_progress: Called with a remark and the done share of the search.

    Returns:
        The best values by recipe key, as `recipes.change` takes them.
    """
    import keras_tuner  # imports TensorFlow, which a study is read without

    from ..training import train

    space = keras_tuner.HyperParameters()
    for key, choices in search.space.items():
        space.Choice(key, choices)
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("val_accuracy", "max"),
        max_trials=search.trials,
        hyperparameters=space,
        seed=recipe.seed or 1,  # KerasTuner takes 0 for none
    )
    oracle.verbose = 0
    with tempfile.TemporaryDirectory() as own:
        oracle._set_project_dir(own, "oracle")
        trained = partial(train, dataset=dataset, extra=extra, votes=votes, start=start)
        _try(oracle, recipe, search, trained, folder, on_progress)
    return dict(oracle.get_best_trials(1)[0].hyperparameters.values)


def _try(
    oracle: Any,
    recipe: Recipe,
    search: Search,
    trained: Callable[..., Run],
    folder: Path,
    on_progress: Callable[[str, float], None],
) -> None:
    for number in range(search.trials):
        trial = oracle.create_trial("ferlite")
        if trial.hyperparameters is None or not trial.hyperparameters.values:
            break  # the space is smaller than the number of trials
        on_progress(f"trial {number + 1} of {search.trials}", number / search.trials)
        tried = change(recipe, trial.hyperparameters.values | {"epochs": search.epochs, "early_stopping": 0})
        run = trained(tried, folder=folder / f"trial-{number + 1}")
        oracle.update_trial(trial.trial_id, {"val_accuracy": run.info["best"]["val_accuracy"]})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
