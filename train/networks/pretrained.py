"""Networks of `keras.applications` with a new head, and the ImageNet weights that they may start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
from keras import layers

from ...errors import DataError, MissingFileError, WeightsError
from .base import Builder, Penalty, probabilities

BASES = {"vgg16": "VGG16", "vgg19": "VGG19", "inception-v3": "InceptionV3", "resnet50": "ResNet50"}
"""Names of these networks in recipes, and in `keras.applications`."""


def builder(base: str) -> Builder:
    """Return the builder of a `keras.applications` network with a new head, without weights.

    The grey face goes into all three colours. Pooling over all places, one dense layer of 256 with ReLU,
    and dropout of a half are the added layers, named `head-*`; everything else came with the base.
    """

    def build(classes: int, size: int, penalty: Penalty, width: float) -> keras.Model:
        inputs = keras.Input((size, size, 1), name="pixels")
        # What keras.applications' preprocess_input does to a grey picture, inside the graph: Caffe's
        # way takes the mean of each colour away, TensorFlow's goes from -1 to 1.
        tensorflow = base == "InceptionV3"
        x = layers.Rescaling(1 / 127.5 if tensorflow else 1, offset=-1 if tensorflow else -118, name="scale")(inputs)
        x = layers.Concatenate(name="colours")([x, x, x])
        if not tensorflow:
            offsets: Any = [118 - 103.939, 118 - 116.779, 118 - 123.68]
            x = layers.Rescaling(1, offset=offsets, name="centre")(x)
        model: Any = getattr(keras.applications, base)(
            include_top=False, weights=None, input_tensor=x, input_shape=(size, size, 3)
        )
        x = layers.GlobalAveragePooling2D(name="head-pool")(model.output)
        x = layers.Dense(256, activation="relu", kernel_regularizer=penalty, name="head-dense")(x)
        x = layers.Dropout(0.5, name="head-dropout")(x)
        return keras.Model(inputs, probabilities(x, classes, penalty), name=base)

    return build


def load_base(model: Any, name: str, path: str | Path | None = None) -> None:
    """Give a network the ImageNet weights of its base; the head keeps its own.

    Args:
        model: Built by `builder`; changed in place.
        name: A key of `BASES`.
        path: Weights of the network without its top, `.weights.h5` or `.h5` as Keras writes them. If not
            given, `keras.applications` downloads them, or finds them in its cache.

    Raises:
        MissingFileError: There is no such file.
        WeightsError: They can't be downloaded.
        DataError: The file holds other weights.
    """
    application = getattr(keras.applications, BASES[name])
    shape = (*model.input.shape[1:3], 3)
    if path is None:
        try:
            base = application(include_top=False, weights="imagenet", input_shape=shape)
        except Exception as error:  # urllib's, ssl's and Keras' own, whatever the network does
            raise WeightsError(
                f"the ImageNet weights of {BASES[name]} can't be downloaded: {error}; give a file of them with "
                "--start FILE, or --start none to try the recipe without"
            ) from error
    else:
        if not Path(path).is_file():
            raise MissingFileError(f"there is no file {path} to start from")
        base = application(include_top=False, weights=None, input_shape=shape)
        try:
            base.load_weights(path)
        except Exception as error:  # h5py's and Keras' own
            raise DataError(f"{path} does not hold the weights of {BASES[name]} without its top: {error}") from error
    # Both were built layer by layer in the same order; names of unnamed layers carry running numbers.
    given = [layer for layer in base.layers if layer.weights]
    for layer, source in zip([layer for layer in model.layers if layer.weights], given, strict=False):
        layer.set_weights(source.get_weights())
