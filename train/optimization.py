"""What a recipe says about learning, as Keras objects: optimiser, learning-rate schedule, loss."""

from __future__ import annotations

from typing import Any

import keras

from .recipes import Recipe


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Make the optimiser.

    Args:
        recipe: Its table `optimizer` and `epochs` count.
        steps: Batches of an epoch.
    """
    how, rate = recipe.optimizer, _rate(recipe, steps)
    if how.name == "sgd":
        return keras.optimizers.SGD(rate, momentum=how.momentum, nesterov=how.momentum > 0)
    return keras.optimizers.Adam(rate, how.beta_1, how.beta_2, how.epsilon)


def loss(recipe: Recipe) -> keras.losses.Loss:
    """Make the loss, from one-hot or soft targets and probabilities, each [n, classes]."""
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
