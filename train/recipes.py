"""Recipes: small TOML files that hold everything a training run needs but the data.

The shipped ones lie in `train/recipes/`; a path to a file of one's own works wherever a name does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import AfterValidator, Field, model_validator

from ..models import toml_models
from ..models.files import sha256, write_bytes
from ..models.labels import canonical
from ..models.toml_models import Name, Table
from .augment import Augmentation
from .balance import Balance
from .folds import Splits

Label = Annotated[str, AfterValidator(canonical)]

_FOLDER = Path(__file__).parent / "recipes"
_EPOCHS = 100_000


class Optimizer(Table):
    """Optimiser and learning-rate schedule.

    Attributes:
        name: `adam`, or `sgd` with Nesterov momentum.
        learning_rate: Rate at the start, after any warm-up.
        schedule: `constant`, `cosine` down to `floor` at the last step (Loshchilov and Hutter 2017), or
            `step`.
        warmup_epochs: Epochs over which the rate rises from zero; cosine only.
        floor: Fraction of the rate that the cosine ends with.
        steps: Epochs after which the rate is multiplied by `factor`; step only.
        factor: See `steps`.
        momentum: Of sgd.
        beta_1: Of adam.
        beta_2: Of adam.
        epsilon: Of adam.
    """

    name: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0, le=1000)
    schedule: Literal["constant", "cosine", "step"] = "constant"
    warmup_epochs: float = Field(default=0, ge=0, le=_EPOCHS)
    floor: float = Field(default=0, ge=0, le=1)
    steps: tuple[Annotated[int, Field(ge=1, le=_EPOCHS)], ...] = ()
    factor: float = Field(default=0.1, gt=0, le=1)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    beta_1: float = Field(default=0.9, ge=0, lt=1)
    beta_2: float = Field(default=0.999, ge=0, lt=1)
    epsilon: float = Field(default=1e-7, ge=1e-12, le=1)

    @model_validator(mode="after")
    def _steps_with_the_schedule(self) -> Optimizer:
        if bool(self.steps) != (self.schedule == "step"):
            raise ValueError('steps goes with schedule = "step", and that needs steps, for instance [20, 30]')
        if any(later <= earlier for earlier, later in pairwise((0, *self.steps))):
            raise ValueError("steps must be epochs that rise, for instance [20, 30]")
        return self


class Distillation(Table):
    """Teachers whose softened answers are learnt beside the labels (Hinton et al. 2015).

    Attributes:
        teachers: Run folders with the same labels, relative to where training is started, names of shipped models or
            paths of .tflite files; none is off.
        once: Teachers answer once for each training face and its mirror image; the mean of both is the target of
            all its variations. Otherwise they answer for every variation. With `once` only the first epoch waits.
        weight: Share of the teachers in the loss; the rest is the labels'.
        temperature: Divides the logits of teachers and student; above 1 the less likely labels count more.
        ferplus_teachers: Such ones for the second head, see `ferplus_head`. They answer for every variation.
        ferplus_weight: Share of their answers in its targets; the rest are the votes.
    """

    teachers: tuple[str, ...] = ()
    once: bool = False
    weight: float = Field(default=0.5, ge=0, le=1)
    temperature: float = Field(default=4, ge=0.01, le=100)
    ferplus_teachers: tuple[str, ...] = ()
    ferplus_weight: float = Field(default=0.5, ge=0, le=1)


class Recipe(Table):
    """Everything a run needs but the data.

    Attributes:
        name: Short name; also the default name of the run folder.
        description: One sentence for `ferlite train --list`.
        network: A name in `networks.build.NETWORKS`.
        width: Factor on the network's channels.
        start: What the weights are at first: `random`; `imagenet`, for the networks in `pretrained.BASES`;
            or `run`, those of another run, whose head is kept where its labels are the same.
        trainable_from: Name of the first layer that learns; the layers before it are frozen.
        size: Height and width of the grey input in pixels.
        epochs: Passes over the training split.
        batch: Faces in a step.
        seed: Seed of initial weights, order, augmentation, dropout, folds and draw.
        l2: Weight of the L2 penalty on kernels.
        loss: `cross-entropy`, or `focal`, which gives easy faces less weight (Lin et al. 2017).
        focal_gamma: Exponent of the focal loss: the loss of a face at probability p is multiplied by
            (1 - p) ** focal_gamma.
        label_smoothing: Share of the target given evenly to all classes (Szegedy et al. 2016).
        merge: New label of each label that is merged into another, applied before `labels`.
        labels: Labels to keep, in this order; faces of others are dropped. With none, those of the data.
        votes: Targets from the votes of FER+ (Barsoum et al. 2016): `none`; `soft`, the shares of the votes;
            or `majority`. Where `labels` has contempt, which FER2013 does not know, the majority is the
            label in every split; else validation and test keep the label of FER2013.
        votes_weight: Share of the votes in a target; the rest is the label.
        ferplus_head: Weight in the loss of a second head, which learns the shares of the votes for all eight emotions
            while the first head learns the labels, see `heads`. It learns nothing from the faces that
            `drop_not_a_face` would drop. 0 is no second head.
        drop_not_a_face: Drop training faces whose votes for "unknown" or "not a face" are at least as many as
            those for any one expression.
        splits: `official`, as the data have them; or folds of the faces that are not the data's own test
            split, one of them `test` and a tenth of the others `validation`, each class shared evenly:
            `stratified` face by face, `by-person` with a person's faces, and identical ones, together.
        folds: How many folds.
        fold: Which of them is `test`, from 0.
        dedupe: Drop training faces that are pixel-identical to a validation or test face.
        share: Train on this share of the faces of each class.
        draw: Train on so many faces, as equally many of each class as there are; 0 is all.
        balance: What to do about classes of unequal number: `none`; `class-weights`, by which every class
            counts the same; or `oversampling`, epochs of the same length in which every class appears
            equally often.
        balance_power: Strength of `balance`: 1 makes classes count the same, 0.5 as the square root of their
            faces.
        ema: Decay of an exponential moving average of the weights in each step; validation and the weights
            that are kept are the average's. 0 is off. Statistics of batch normalisation are not averaged.
        early_stopping: Stop after so many epochs without a better validation accuracy; 0 is never.
        precision: `float32`, or `mixed_bfloat16` where the processor has it.
        optimizer: Optimiser and schedule.
        augmentation: How training faces are varied.
        distillation: Trained networks to learn from.
    """

    name: Name
    description: str = ""
    network: str
    width: float = Field(default=1, ge=0.05, le=8)
    start: Literal["random", "imagenet", "run"] = "random"
    trainable_from: str = ""
    size: int = Field(default=48, ge=16, le=224)
    epochs: int = Field(ge=1, le=_EPOCHS)
    batch: int = Field(default=32, ge=1, le=2**16)
    seed: int = Field(default=0, ge=0, lt=2**32)
    l2: float = Field(default=0, ge=0, le=100)
    loss: Literal["cross-entropy", "focal"] = "cross-entropy"
    focal_gamma: float = Field(default=2, ge=0, le=100)
    label_smoothing: float = Field(default=0, ge=0, lt=1)
    merge: dict[Label, Label] = Field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    votes: Literal["none", "soft", "majority"] = "none"
    votes_weight: float = Field(default=1, ge=0, le=1)
    ferplus_head: float = Field(default=0, ge=0, le=100)
    drop_not_a_face: bool = False
    splits: Splits = "official"
    folds: int = Field(default=5, ge=2, le=1000)
    fold: int = Field(default=0, ge=0, lt=1000)
    dedupe: bool = False
    share: float = Field(default=1, gt=0, le=1)
    draw: int = Field(default=0, ge=0, le=10**9)
    balance: Balance = "none"
    balance_power: float = Field(default=1, ge=0, le=1)
    ema: float = Field(default=0, ge=0, lt=1)
    early_stopping: int = Field(default=0, ge=0, le=_EPOCHS)
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    optimizer: Optimizer = Optimizer()
    augmentation: Augmentation = Augmentation()
    distillation: Distillation = Distillation()

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Recipe:
        if self.optimizer.warmup_epochs >= self.epochs:
            raise ValueError("optimizer.warmup_epochs must be less than epochs")
        if self.fold >= self.folds:
            raise ValueError(f"fold must be less than folds: there are folds 0 to {self.folds - 1}")
        if len(self.labels) == 1 or len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must be two or more, each once")
        merged = set(self.merge) & {*self.labels, *self.merge.values()}
        if merged:
            raise ValueError(f"merge makes {sorted(merged)[0]!r} another label, so it can't be kept or merged into")
        if self.distillation.ferplus_teachers and not self.ferplus_head:
            raise ValueError("distillation.ferplus_teachers teach the second head: set ferplus_head")
        if self.labelled_by_votes and self.votes_weight < 1:
            raise ValueError("FER2013 has no label contempt to mix votes with: votes_weight must be 1")
        return self

    @property
    def needs_votes(self) -> bool:
        """Whether the votes of FER+ are needed."""
        return self.votes != "none" or self.ferplus_head > 0 or self.drop_not_a_face

    @property
    def labelled_by_votes(self) -> bool:
        """Whether the votes of FER+ give the labels, too."""
        return self.votes != "none" and "contempt" in self.labels

    def save(self, path: str | Path) -> None:
        """Write the recipe as TOML, every key spelled out."""
        write_bytes(path, tomli_w.dumps(self.model_dump()).encode())


def names() -> list[str]:
    """Return the names of the shipped recipes."""
    return toml_models.names(_FOLDER)


def load(name: str | Path) -> Recipe:
    """Read a shipped recipe by name, or a TOML file by path; see `Table.read` for the errors."""
    return Recipe.read(name, _FOLDER)


def fingerprint(recipe: Recipe) -> str:
    """Return a hash of a recipe without its name, description and fold."""
    content = recipe.model_dump(exclude={"name", "description", "fold"}, exclude_defaults=True, mode="json")
    return sha256(json.dumps(content, sort_keys=True).encode())


def change(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """Return a recipe with other values.

    Args:
        recipe: What to change.
        values: Recipe key by its new value; a key of a table is written `optimizer.learning_rate`, and
            may also stand in a table of its own, as in TOML.

    Raises:
        UnknownNameError: There is no such key; the nearest is named.
        DataError: A value does not fit.
    """
    plain = recipe.model_dump()
    for key, value in values.items():
        table, _, inner = key.rpartition(".")
        name, new = (table, {inner: value}) if table else (key, value)
        old = plain.get(name, {})
        plain[name] = old | new if isinstance(old, dict) and isinstance(new, dict) else new
    return Recipe.parse(plain, f"recipe {recipe.name}")
