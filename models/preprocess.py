"""From a picture to a model's input. Training, calibration, benchmarks and device all come through here."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .record import Crop


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make a picture grey.

    Args:
        image: uint8 [h, w] or [h, w, 1] grey, [h, w, 3] BGR, or [h, w, 4] BGRA.

    Returns:
        uint8 [h, w], by ITU-R BT.601 as OpenCV and Pillow have it.

    Raises:
        DataError: Another shape or dtype, or no pixels.
    """
    if image.dtype != np.uint8 or not image.size:
        raise DataError(f"a picture must be uint8 and have pixels, not {image.dtype} {image.shape}")
    if image.ndim == 2:
        return image
    if image.ndim == 3 and image.shape[2] == 1:
        return image[..., 0]
    if image.ndim == 3 and image.shape[2] in (3, 4):
        code = cv2.COLOR_BGR2GRAY if image.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
        return np.asarray(cv2.cvtColor(image, code), np.uint8)
    raise DataError(f"a picture must be uint8 [h, w], [h, w, 3] BGR or [h, w, 4] BGRA, not {image.shape}")


def to_bgr(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make a picture BGR, uint8 [h, w, 3]; takes what `to_grey` takes, with the same errors."""
    if image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8 and image.size:
        return image
    if image.ndim == 3 and image.shape[2] == 4 and image.dtype == np.uint8 and image.size:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2BGR), np.uint8)
    return np.asarray(cv2.cvtColor(to_grey(image), cv2.COLOR_GRAY2BGR), np.uint8)


def to_size(grey: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a grey face crop to a model's height and width; the identity where it fits already.

    Args:
        grey: uint8 [h, w].
        size: Height and width of the result.
    """
    if grey.shape == size:
        return grey
    shrinking = grey.shape[0] > size[0] or grey.shape[1] > size[1]
    how = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size[::-1], interpolation=how), np.uint8)


def to_input(
    faces: NDArray[np.uint8],
    dtype: Any,
    quantization: tuple[float, int] = (1.0, -128),
    pixels: tuple[float, float] = (0.0, 255.0),
) -> NDArray[Any]:
    """Turn faces into what a model's input takes.

    Args:
        faces: uint8 [n, h, w] grey or [n, h, w, 3].
        dtype: Of the model's input: float32, int8, uint8 or int16.
        quantization: Scale and zero point of the model's input; not used for float32.
        pixels: What the model takes black and white for.

    Returns:
        [n, h, w, 1 or 3] of `dtype`. Ferlite's own models scale inside the graph, so that this is the
        pixel as float32, or the pixel minus 128 as int8.
    """
    batch = faces[..., None] if faces.ndim == 3 else faces
    low, high = pixels
    if dtype == np.int8 and quantization == (1.0, -128) and (low, high) == (0.0, 255.0):
        # Flipping the top bit subtracts 128 without leaving eight bits.
        return (batch ^ 0x80).view(np.int8)
    real = batch * np.float32((high - low) / 255) + np.float32(low)
    if dtype == np.float32:
        return real
    scale, zero = quantization
    limits: Any = np.iinfo(dtype)
    return np.clip(np.rint(real / scale) + zero, limits.min, limits.max).astype(dtype)


def align(
    image: NDArray[np.uint8], landmarks: NDArray[np.float32], crop: Crop, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Cut a face so that its landmarks fall where they fall in the training faces.

    Args:
        image: uint8 [h, w] or [h, w, 3], the full-resolution frame.
        landmarks: float32 [5, 2], x and y in pixels of the frame, in the order of `Crop.landmarks`.
        crop: The model's crop geometry.
        size: Height and width of the result.

    Returns:
        uint8 [size] grey; what lies outside the frame repeats its border.
    """
    matrix = similarity(landmarks, np.array(crop.landmarks) * size[::-1])
    # Shrinking by more than two aliases under bilinear sampling: take it from a smaller picture.
    factor = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if factor < 0.5:
        image, matrix = _shrunk_around(image, matrix, size, 2 * factor)
    return np.asarray(
        cv2.warpAffine(to_grey(image), matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Fit rotation, uniform scale and shift that carry points onto points, by least squares.

    Args:
        source: float [n, 2] points.
        target: float [n, 2] points, in the same order.

    Returns:
        float64 [2, 3] for `cv2.warpAffine`. As complex numbers the fit is one division: Umeyama 1991
        without reflection, in two dimensions.
    """
    here, there = (p[:, 0].astype(np.float64) + 1j * p[:, 1] for p in (source, target))
    here_mean, there_mean = here.mean(), there.mean()
    spread = np.sum(np.abs(here - here_mean) ** 2)
    turn = np.sum(np.conj(here - here_mean) * (there - there_mean)) / max(spread, 1e-12)
    shift = there_mean - turn * here_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _shrunk_around(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size: tuple[int, int], factor: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Cut the region that the crop covers and shrink it with area averaging."""
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [size[1], 0, 1], [0, size[0], 1], [*size[::-1], 1]]) @ inverse.T
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(corners.min(0)).astype(int), 0, [width - 1, height - 1])
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + 1, [left + 1, top + 1], [width, height])
    region = image[top:bottom, left:right]
    wide, high = max(1, round((right - left) * factor)), max(1, round((bottom - top) * factor))
    small = cv2.resize(region, (wide, high), interpolation=cv2.INTER_AREA)
    # small pixel -> frame pixel -> crop pixel, pixel centres at .0 as warpAffine has them.
    x, y = (right - left) / wide, (bottom - top) / high
    back = np.array([[x, 0, left + (x - 1) / 2], [0, y, top + (y - 1) / 2], [0, 0, 1]])
    return np.asarray(small, np.uint8), matrix @ back
