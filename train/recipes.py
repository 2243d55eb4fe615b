"""Recipes: small TOML files that hold everything a training run needs but the data.

The shipped ones lie in `train/recipes/`; a path to a file of one's own works wherever a name does.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..models.errors import DataError, unknown
from ..models.files import read_bytes, write_bytes
from .augment import Augmentation

_FOLDER = Path(__file__).parent / "recipes"


class Optimizer(BaseModel):
    """Optimiser and learning-rate schedule.

    Attributes:
        name: `adam`, or `sgd` with Nesterov momentum.
        learning_rate: Rate at the start, after any warm-up.
        schedule: `constant`, or `cosine` down to zero at the last step (Loshchilov and Hutter 2017).
        warmup_epochs: Epochs over which the rate rises from zero; cosine only.
        momentum: Of sgd.
        beta_1: Of adam.
        beta_2: Of adam.
        epsilon: Of adam.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_epochs: float = Field(default=0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    beta_1: float = Field(default=0.9, ge=0, lt=1)
    beta_2: float = Field(default=0.999, ge=0, lt=1)
    epsilon: float = Field(default=1e-7, gt=0)


class Recipe(BaseModel):
    """Everything a run needs but the data.

    Attributes:
        name: Short name; also the default name of the run folder.
        description: One sentence for `ferlite train --list`.
        network: A name in `networks.NETWORKS`.
        size: Height and width of the grey input in pixels.
        epochs: Passes over the training split.
        batch: Faces in a step.
        seed: Seed of initial weights, order, augmentation and dropout.
        l2: Weight of the L2 penalty on kernels.
        label_smoothing: Share of the target given evenly to all classes (Szegedy et al. 2016).
        dedupe: Drop training faces that are pixel-identical to a validation or test face.
        precision: `float32`, or `mixed_bfloat16` where the processor has it.
        optimizer: Optimiser and schedule.
        augmentation: How training faces are varied.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    network: str
    size: int = Field(default=48, ge=16, le=224)
    epochs: int = Field(ge=1)
    batch: int = Field(default=32, ge=1)
    seed: int = 0
    l2: float = Field(default=0, ge=0)
    label_smoothing: float = Field(default=0, ge=0, lt=1)
    dedupe: bool = False
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    optimizer: Optimizer = Optimizer()
    augmentation: Augmentation = Augmentation()

    @model_validator(mode="after")
    def _warms_up_before_the_end(self) -> Recipe:
        if self.optimizer.warmup_epochs >= self.epochs:
            raise ValueError("optimizer.warmup_epochs must be less than epochs")
        return self

    def save(self, path: str | Path) -> None:
        """Write the recipe as TOML, every key spelled out."""
        write_bytes(path, tomli_w.dumps(self.model_dump()).encode())


def names() -> list[str]:
    """Return the names of the shipped recipes."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load(name: str | Path) -> Recipe:
    """Read a shipped recipe by name, or a TOML file by path.

    Raises:
        UnknownNameError: There is no such recipe, or it holds an unknown key; the nearest is named.
        DataError: The file is not TOML, or a value does not fit.
        MissingFileError: A path was given and nothing is there.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if str(name) not in names():
            raise unknown("recipe", str(name), names())
        path = _FOLDER / f"{name}.toml"
    try:
        return Recipe.model_validate(tomllib.loads(read_bytes(path).decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a TOML file: {error}") from error
    except ValidationError as error:
        raise _explain(path, error) from error


def _explain(path: Path, error: ValidationError) -> Exception:
    """Turn pydantic's first complaint into one line that names file, key and remedy."""
    first = error.errors()[0]
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        model: type[BaseModel] = {"optimizer": Optimizer, "augmentation": Augmentation}.get(
            str(parents[0]) if parents else "", Recipe
        )
        return unknown(f"recipe key (in {path})", str(key), model.model_fields)
    if not first["loc"]:
        return DataError(f"{path}: {first['msg']}")
    where = ".".join(map(str, first["loc"]))
    return DataError(f"{path}: {where}: {first['msg']} (given: {first['input']!r})")
