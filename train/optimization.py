"""Keras objects of a recipe: optimiser, learning-rate schedule, loss."""

from __future__ import annotations

from typing import Any

import keras

from .distillation import DistillationLoss, accuracy
from .heads import HeadAccuracy, HeadsLoss
from .recipes import Recipe


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Make the optimiser.

    Args:
        recipe: Its table `optimizer` and its `epochs`.
        steps: Batches of an epoch.
    """
    settings, rate = recipe.optimizer, _rate(recipe, steps)
    average = {"use_ema": recipe.ema > 0, "ema_momentum": recipe.ema}
    if settings.name == "sgd":
        return keras.optimizers.SGD(rate, momentum=settings.momentum, nesterov=settings.momentum > 0, **average)
    return keras.optimizers.Adam(rate, settings.beta_1, settings.beta_2, settings.epsilon, **average)


def loss(recipe: Recipe) -> keras.losses.Loss:
    """Make the loss, from targets and probabilities, each [n, classes].

    With teachers the targets are twice as wide, see `distillation.DistillationLoss`; with a second head so are both,
    see `heads.HeadsLoss`.
    """
    of_label = _label_loss(recipe)
    settings = recipe.distillation
    if settings.teachers:
        of_label = DistillationLoss(of_label, settings.weight, settings.temperature)
    return HeadsLoss(of_label, recipe.ferplus_head) if recipe.ferplus_head else of_label


def metrics(recipe: Recipe) -> list[Any]:
    """Return the metrics that Keras computes beside the loss: the accuracy of each head."""
    if recipe.ferplus_head:
        return [HeadAccuracy("labels", "accuracy"), HeadAccuracy("ferplus", "ferplus_accuracy")]
    return [accuracy if recipe.distillation.teachers else "accuracy"]


def weighted_metrics(recipe: Recipe) -> list[Any]:
    """Return the metrics that Keras computes from weighted faces: the mean recall, see `runs.criterion`."""
    if recipe.balance == "none":
        return []
    name = "balanced_accuracy"
    return [HeadAccuracy("labels", name) if recipe.ferplus_head else keras.metrics.CategoricalAccuracy(name)]


class TrainedWeights(keras.callbacks.Callback):
    """Keeps the trained weights, which `fit` overwrites with their moving average at its end.

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
        """Restore the trained weights, so that training can continue."""
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
    settings = recipe.optimizer
    rate = settings.learning_rate
    if settings.schedule == "cosine":
        warmup = round(settings.warmup_epochs * steps)
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            decay_steps=recipe.epochs * steps - warmup,
            alpha=settings.floor,
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    if settings.schedule == "step":
        # Keras counts steps from 0 and keeps the old rate at the boundary itself.
        boundaries = [epoch * steps - 1 for epoch in settings.steps]
        rates = [rate * settings.factor**passed for passed in range(len(settings.steps) + 1)]
        return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
    return rate
