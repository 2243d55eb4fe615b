"""What a recipe says about learning, as Keras objects: optimiser, learning-rate schedule, loss."""

from __future__ import annotations

from typing import Any

import keras

from .distillation import DistillationLoss, accuracy
from .recipes import Recipe


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Make the optimiser.

    Args:
        recipe: Its table `optimizer` and `epochs` count.
        steps: Batches of an epoch.
    """
    how, rate = recipe.optimizer, _rate(recipe, steps)
    average = {"use_ema": recipe.ema > 0, "ema_momentum": recipe.ema}
    if how.name == "sgd":
        return keras.optimizers.SGD(rate, momentum=how.momentum, nesterov=how.momentum > 0, **average)
    return keras.optimizers.Adam(rate, how.beta_1, how.beta_2, how.epsilon, **average)


def loss(recipe: Recipe) -> keras.losses.Loss:
    """Make the loss, from targets and probabilities, each [n, classes].

    With teachers the targets are twice as wide, see `distillation.DistillationLoss`.
    """
    of_label = _label_loss(recipe)
    how = recipe.distillation
    return DistillationLoss(of_label, how.weight, how.temperature) if how.teachers else of_label


def metrics(recipe: Recipe) -> list[Any]:
    """Return what Keras is to measure beside the loss: accuracy."""
    return [accuracy if recipe.distillation.teachers else "accuracy"]


class TrainedWeights(keras.callbacks.Callback):
    """Keeps the weights as they were trained, over which `fit` writes their moving average at its end.

    Args:
        model: Compiled with an optimiser that keeps the average.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = model
        self._kept: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep them."""
        self._kept = [keras.ops.convert_to_numpy(variable) for variable in self._model.trainable_variables]

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Give the model memory of its own: on JAX it shares the average's, which evaluation then frees."""
        self._assign([keras.ops.convert_to_numpy(variable) for variable in self._model.trainable_variables])

    def restore(self) -> None:
        """Put them back, for training to go on with."""
        self._assign(self._kept)

    def _assign(self, values: list[Any]) -> None:
        for variable, value in zip(self._model.trainable_variables, values, strict=True):
            variable.assign(value)


def _label_loss(recipe: Recipe) -> keras.losses.Loss:
    if recipe.loss == "focal":
        # Keras weighs all classes by alpha, which only scales the rate; classes are weighed by `balance`.
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=recipe.focal_gamma, label_smoothing=recipe.label_smoothing
        )
    return keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)


def _rate(recipe: Recipe, steps: int) -> Any:
    how = recipe.optimizer
    rate = how.learning_rate
    if how.schedule == "cosine":
        warmup = round(how.warmup_epochs * steps)
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            decay_steps=recipe.epochs * steps - warmup,
            alpha=how.floor,
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    if how.schedule == "step":
        # Keras counts steps from 0 and keeps the old rate at the boundary itself.
        boundaries = [epoch * steps - 1 for epoch in how.steps]
        rates = [rate * how.factor**passed for passed in range(len(how.steps) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
    return rate
