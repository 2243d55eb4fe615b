"""Sequential convolutional networks, as in published projects."""

from __future__ import annotations

import keras
from keras import layers

from .base import Penalty, probabilities
from .blocks import conv, wide


def keras_cnn(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """Four 3x3 convolutions and three dense layers, as in a widely copied Keras notebook.

    48x48x1 -> conv 32 -> conv 64 -> pool -> conv 128 -> pool -> conv 256 -> pool -> dense 256 ->
    dense 128 -> dense classes; batch normalisation after every convolution and hidden dense layer.
    131 MMAC and 2.8 million parameters.
    """
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    for filters, pool in ((32, False), (64, True), (128, True), (256, True)):
        x = layers.Conv2D(wide(filters, width), 3, padding="same", activation="relu", kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x)
        if pool:
            x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for units in (256, 128):
        x = layers.Dense(wide(units, width), activation="relu", kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dropout(0.25)(x)
    return keras.Model(inputs, probabilities(x, classes, penalty), name="keras-cnn")


def small(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """Four 3x3 convolutions with stride 2 and global pooling: 2 MMAC, trains in seconds, to try things with."""
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 64, offset=-2, name="scale")(inputs)
    for filters in (16, 32, 64, 64):
        x = conv(x, wide(filters, width), 3, penalty, stride=2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, probabilities(x, classes, penalty), name="small")


def plain_cnn(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """A typical student project: three 3x3 convolutions, each with ReLU and pooling, and a dense layer.

    48x48x1 -> conv 32 -> pool -> conv 32 -> pool -> conv 64 -> pool -> dense 84 -> dense classes.
    9 MMAC and 222 thousand parameters with four classes.
    """
    return _student(classes, size, penalty, width, normalised=False)


def plain_cnn_normalised(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-cnn` with batch normalisation after each layer (Ioffe and Szegedy 2015)."""
    return _student(classes, size, penalty, width, normalised=True)


def plain_cnn_dropout(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
    """`plain-cnn-normalised` with dropout of a quarter after each pooling, and of half before the end."""
    return _student(classes, size, penalty, width, normalised=True, dropout=True)


def _student(
    classes: int, size: int, penalty: Penalty, width: float, *, normalised: bool, dropout: bool = False
) -> keras.Model:
    inputs = keras.Input((size, size, 1), name="pixels")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    for filters in (32, 32, 64):
        x = layers.Conv2D(wide(filters, width), 3, padding="same", activation="relu", kernel_regularizer=penalty)(x)
        x = layers.BatchNormalization()(x) if normalised else x
        x = layers.MaxPooling2D()(x)
        x = layers.Dropout(0.25)(x) if dropout else x
    x = layers.Flatten()(x)
    x = layers.Dense(round(84 * width), activation="relu", kernel_regularizer=penalty)(x)
    x = layers.BatchNormalization()(x) if normalised else x
    x = layers.Dropout(0.5)(x) if dropout else x
    return keras.Model(inputs, probabilities(x, classes, penalty), name="plain-cnn")
