"""Faces drawn from statistics: the data set that comes with ferlite.

A principal-component model of FER2013's Training split ("eigenfaces": Turk and Pentland 1991), with a mean
for each expression and one covariance around the means, from which labelled faces are drawn. It serves to
try everything, from training to the camera, without a data set or a camera. A network trained on these faces
recognizes these faces, not real ones. `tools.eigenfaces` makes the file.

A seed gives the same pixels on every machine: numbers are whole, and sums of their products stay below
2 ** 53, where float64 is exact whatever the order of the sums.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError, unknown
from .files import read_bytes
from .labels import FER2013_LABELS

SIDE = 48
"""Height and width of a face in pixels."""

SPREAD = 0.3
"""Share of the real faces' variance that samples have; with this share nearly all samples look like faces."""

PATH = Path(__file__).with_name("eigenfaces.npz")

_GREY, _CONTRAST = 130, 48  # mean and standard deviation of a face's pixels
_NOISE_STEP = 2.0**-12


@dataclass(frozen=True, eq=False)
class Eigenfaces:
    """The model: whole numbers held as float64.

    Their unit does not matter, because `render` gives every face the same contrast.

    Attributes:
        mean: float64 [2304], the mean face.
        components: float64 [k, 2304], the principal components, each from -127 to 127, the one with the
            largest variance first.
        means: float64 [7, k], each expression's mean coefficients.
        root: float64 [k, k], the symmetric square root of the covariance around the means, which all
            expressions share: how persons differ.
        about: Origin of the file: data and its sha256, parameters, share of the variance explained.
        labels: Expressions, in FER2013's order.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    means: NDArray[np.float64]
    root: NDArray[np.float64]
    about: dict[str, Any]
    labels: tuple[str, ...] = FER2013_LABELS

    def coefficients(self, label: str, rng: np.random.Generator, spread: float = SPREAD) -> NDArray[np.float32]:
        """Draw a face of an expression.

        An `rng` in the same state gives the same person with another expression. Interpolate
        coefficients for the expressions in between.

        Args:
            label: One of `labels`.
            rng: Random numbers; k normal ones are drawn.
            spread: Factor to the covariance: 0 gives the expression's mean, 1 the variety of the data.

        Returns:
            float32 [k].

        Raises:
            UnknownNameError: There is no such label.
            UsageError: `spread` is negative.
        """
        if label not in self.labels:
            raise unknown("expression of the eigenfaces", label, self.labels)
        if not spread >= 0:
            raise UsageError(f"the spread of eigenfaces is {spread}; it must be 0 or more, for instance {SPREAD}")
        index = self.labels.index(label)
        noise = np.rint(rng.standard_normal(len(self.components)) * (np.sqrt(spread) / _NOISE_STEP))
        return (self.means[index] + np.rint(self.root @ noise * _NOISE_STEP)).astype(np.float32)

    def render(self, coefficients: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
        """Render a face, always with the same brightness and contrast.

        Args:
            coefficients: float [k].

        Returns:
            uint8 [48, 48], grey.
        """
        values = self.mean + np.rint(coefficients.astype(np.float64)) @ self.components
        # Eight bits fewer, so that the sum of squares stays exact too.
        values = np.floor(values / 256)
        deviations = values * values.size - values.sum()
        scale = np.sqrt(np.square(values).sum() * values.size - values.sum() ** 2)
        pixels = np.rint(_GREY + _CONTRAST * (deviations / max(scale, 1.0)))
        return np.clip(pixels, 0, 255).astype(np.uint8).reshape(SIDE, SIDE)

    def sample(
        self, count: int, seed: int | Sequence[int], spread: float = SPREAD
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Draw labelled faces, equally many of each expression (give or take one), in random order.

        Args:
            count: Number of faces.
            seed: The same seed draws the same faces.
            spread: See `coefficients`.

        Returns:
            uint8 [count, 48, 48] and int64 [count], index into `labels`.

        Raises:
            UsageError: `count` or `spread` is negative.
        """
        if count < 0:
            raise UsageError(f"can't draw {count} eigenfaces; the count must be 0 or more")
        rng = np.random.default_rng(seed)
        labels = rng.permutation(np.arange(count, dtype=np.int64) % len(self.labels))
        images = np.empty((count, SIDE, SIDE), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:] = self.render(self.coefficients(self.labels[label], rng, spread))
        return images, labels


@cache
def load(path: Path = PATH) -> Eigenfaces:
    """Read a model, the shipped one by default; each file is read once.

    Raises:
        MissingFileError: There is no such file.
        DataError: The file is damaged.
    """
    content = read_bytes(path)
    try:
        with np.load(io.BytesIO(content)) as file:
            mean, components, means, packed = (file[n] for n in ("mean", "components", "means", "root"))
            about = json.loads(str(file["about"]))
        count = len(components)
        root = np.zeros((count, count))
        row, column = np.tril_indices(count)
        root[row, column] = root[column, row] = packed
        expected = (SIDE**2,), (count, SIDE**2), (len(FER2013_LABELS), count)
        if (mean.shape, components.shape, means.shape) != expected:
            raise ValueError("its arrays don't fit together")
    except Exception as error:  # zipfile, zlib, numpy and json raise many kinds of errors for damaged bytes
        raise DataError(f"{path} is damaged ({error}); install ferlite again") from error
    exact = [array.astype(np.float64) for array in (mean, components, means)]
    return Eigenfaces(exact[0], exact[1], exact[2], root, about)
