"""The weights that a run starts from, and which of them learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import MissingFileError, UsageError, unknown
from ..models.files import read_bytes, sha256
from . import heads
from .networks.pretrained import BASES, load_base
from .recipes import Recipe
from .runs import Run

NONE = "none"
"""As a start: random weights, to try a recipe without the weights that it asks for."""


def describe(start: str | Path) -> dict[str, str]:
    """Return the entry of a start in run.json: its path, and the hash of its weights.

    Raises:
        MissingFileError: There is no such run folder or file.
    """
    path = Path(start)
    if start != NONE and not path.exists():
        raise MissingFileError(f"there is nothing at {path} to start from; give a run folder, or a file of weights")
    weights = path / "best.keras" if path.is_dir() else path
    return {"path": str(start)} | ({} if start == NONE else {"sha256": sha256(read_bytes(weights))})


def prepare_start(model: Any, recipe: Recipe, label_names: tuple[str, ...], start: str | Path | None) -> None:
    """Load what a recipe starts from, and freeze what does not learn.

    Args:
        model: The network, not compiled yet; changed in place.
        recipe: Its `start` and `trainable_from`.
        label_names: Of the network's outputs.
        start: A run folder, a file of ImageNet weights, `NONE`, or None for what the recipe says.

    Raises:
        UsageError: The recipe starts from a run and none is given, or it is not finished, or of another network.
        DataError: Weights can't be read or downloaded.
        UnknownNameError: There is no layer `trainable_from`.
    """
    if recipe.trainable_from:
        names = [layer.name for layer in model.layers]
        if recipe.trainable_from not in names:
            raise unknown(f"layer of {recipe.network}", recipe.trainable_from, names)
        for layer in model.layers[: names.index(recipe.trainable_from)]:
            layer.trainable = False
    if start == NONE:
        return
    if recipe.start == "imagenet":
        if recipe.network not in BASES:
            raise UsageError(f"there are no ImageNet weights for {recipe.network}, only for {', '.join(BASES)}")
        load_base(model, recipe.network, start)
    elif start is not None:
        _copy(model, Run.open(start), recipe, label_names)
    elif recipe.start == "run":
        raise UsageError(f"recipe {recipe.name} goes on from another run; give its folder with --start")


def _copy(model: Any, run: Run, recipe: Recipe, label_names: tuple[str, ...]) -> None:
    if "best" not in run.info:
        raise UsageError(
            f"{run.folder} is not finished; resume it with ferlite train before another run starts from it"
        )
    same = ("network", "width", "size")
    if any(getattr(run.recipe, key) != getattr(recipe, key) for key in same):
        raise UsageError(f"{run.folder} holds a {run.recipe.network} of another kind than recipe {recipe.name} wants")
    for layer, source in zip(heads.first(model).layers, run.network().layers, strict=True):
        if layer.name != "logits" or tuple(run.info["labels"]) == label_names:
            layer.set_weights(source.get_weights())
    if recipe.ferplus_head and run.recipe.ferplus_head:
        kept = run.network("ferplus").get_layer("logits").get_weights()
        model.get_layer(heads.LOGITS).set_weights(kept)
