"""From a picture to a model's input: the one implementation for training, calibration, benchmarks and device."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .record import Crop


def check_picture(image: object) -> None:
    """Check that what was given as a picture is one: a numpy array, uint8, with pixels.

    Raises:
        DataError: It is something else.
    """
    if image is None:
        raise DataError("there is None instead of a picture; cv2.imread returns it for a file that it can't read")
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or not image.size:
        given = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise DataError(f"a picture must be a numpy array, uint8 and with pixels, not {given}")


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert a picture to grey.

    Args:
        image: uint8 [h, w] or [h, w, 1] grey, [h, w, 3] BGR, or [h, w, 4] BGRA.

    Returns:
        uint8 [h, w], by ITU-R BT.601 as OpenCV and Pillow have it.

    Raises:
        DataError: Another shape or dtype, or no pixels.
    """
    channels = _channels(image)
    if channels == 1:
        return image if image.ndim == 2 else image[..., 0]
    code = cv2.COLOR_BGR2GRAY if channels == 3 else cv2.COLOR_BGRA2GRAY
    return np.asarray(cv2.cvtColor(image, code), np.uint8)


def to_bgr(image: NDArray[np.uint8], *, rgb: bool = False) -> NDArray[np.uint8]:
    """Convert a picture to BGR.

    Args:
        image: uint8 [h, w] or [h, w, 1] grey, [h, w, 3] BGR, or [h, w, 4] BGRA.
        rgb: Its colours are in the order RGB or RGBA.

    Returns:
        uint8 [h, w, 3]; `image` itself if it is that already.

    Raises:
        DataError: Another shape or dtype, or no pixels.
    """
    channels = _channels(image)
    if channels == 3 and not rgb:
        return image
    codes = {1: cv2.COLOR_GRAY2BGR, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGR if rgb else cv2.COLOR_BGRA2BGR}
    return np.asarray(cv2.cvtColor(image, codes[channels]), np.uint8)


def _channels(image: NDArray[np.uint8]) -> int:
    """Return how many values a pixel has: 1, 3 or 4.

    Raises:
        DataError: Another shape or dtype, or no pixels.
    """
    check_picture(image)
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise DataError(f"a picture must be uint8 [h, w], [h, w, 3] BGR or [h, w, 4] BGRA, not {image.shape}")
    return channels


def to_size(grey: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a grey face crop to a model's height and width; return it as it is if it has them.

    Args:
        grey: uint8 [h, w].
        size: Height and width of the result.
    """
    if grey.shape == size:
        return grey
    shrinking = grey.shape[0] > size[0] or grey.shape[1] > size[1]
    interpolation = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size[::-1], interpolation=interpolation), np.uint8)


def shrunk(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Resize a picture quickly, even to a small part of its size: halve it while possible, then resize bilinearly.

    Args:
        image: uint8 [h, w] or [h, w, 3].
        width: Of the result, in pixels.
        height: Of the result, in pixels.
    """
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
        image = _halved(image)
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def to_input(
    faces: NDArray[np.uint8],
    dtype: Any,
    quantization: tuple[float, int] = (1.0, -128),
    pixels: tuple[float, float] = (0.0, 255.0),
) -> NDArray[Any]:
    """Convert faces to a model's input.

    Args:
        faces: uint8 [n, h, w] grey or [n, h, w, 3].
        dtype: Of the model's input: float32, int8, uint8 or int16.
        quantization: Scale and zero point of the model's input; not used for float32.
        pixels: The model's input values for black and white.

    Returns:
        [n, h, w, 1 or 3] of `dtype`. Ferlite's own models scale inside the graph: their input is the pixel
        as float32, or the pixel minus 128 as int8.
    """
    batch = faces[..., None] if faces.ndim == 3 else faces
    low, high = pixels
    if dtype == np.int8 and quantization == (1.0, -128) and (low, high) == (0.0, 255.0):
        # Flipping the top bit subtracts 128 within eight bits.
        return (batch ^ 0x80).view(np.int8)
    if (low, high) == (0.0, 255.0):
        real = batch.astype(np.float32)
    else:
        real = batch * np.float32((high - low) / 255) + np.float32(low)
    if dtype == np.float32:
        return real
    scale, zero = quantization
    limits: Any = np.iinfo(dtype)
    return np.clip(np.rint(real / scale) + zero, limits.min, limits.max).astype(dtype)


def align(
    image: NDArray[np.uint8], landmarks: NDArray[np.float32], crop: Crop, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Cut and turn a face so that its landmarks lie where they lie in the training faces.

    Args:
        image: uint8 [h, w] or [h, w, 3], the full-resolution frame.
        landmarks: float32 [5, 2], x and y in pixels of the frame, in the order of `Crop.landmarks`.
        crop: The model's crop geometry.
        size: Height and width of the result.

    Returns:
        uint8 [size] grey; the border of the frame is repeated outside of it.

    Raises:
        DataError: `image` is no picture.
    """
    check_picture(image)
    turn, shift = similarity(landmarks.tolist(), [(x * size[1], y * size[0]) for x, y in crop.landmarks])
    # The origin of landmarks is the picture's corner, that of warpAffine the middle of its first pixel.
    shift += (turn - 1) * _HALF
    region, turn, shift = _around(image, turn, shift, size)
    matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    return np.asarray(
        cv2.warpAffine(region, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def similarity(source: Iterable[Sequence[float]], target: Iterable[Sequence[float]]) -> tuple[complex, complex]:
    """Fit the rotation, uniform scale and shift that map points to points, by least squares.

    With complex numbers the fit is one division: Umeyama 1991 without reflection, in two dimensions.

    Args:
        source: x and y of each point.
        target: x and y of each point's target, in the same order.

    Returns:
        Turn and shift: z = x + iy is mapped to turn * z + shift.
    """
    # Python's own complex numbers: for five points they take a third of the time of numpy's.
    points, targets = ([complex(x, y) for x, y in pairs] for pairs in (source, target))
    middle, target_middle = sum(points) / len(points), sum(targets) / len(targets)
    points = [point - middle for point in points]
    spread = sum(abs(point) ** 2 for point in points)
    turn = sum(p.conjugate() * (q - target_middle) for p, q in zip(points, targets, strict=True)) / max(spread, 1e-12)
    return turn, target_middle - turn * middle


_HALF = 0.5 + 0.5j  # of a pixel, across and down


def _around(
    image: NDArray[np.uint8], turn: complex, shift: complex, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], complex, complex]:
    """Cut the region that a crop covers, make it grey, and halve it while the crop would skip pixels.

    Bilinear sampling aliases when it shrinks by more than two. Returns the region and its turn and shift.
    """
    high, wide = size
    back = 1 / (turn or 1e-12)
    corners = [(corner - shift) * back for corner in (0j, complex(wide), complex(0, high), complex(wide, high))]
    left, right = _span([corner.real for corner in corners], image.shape[1])
    top, bottom = _span([corner.imag for corner in corners], image.shape[0])
    region = to_grey(image[top:bottom, left:right])
    shift += turn * complex(left, top)
    while abs(turn) <= 1 / 2 and min(region.shape) > 1:
        region = _halved(region)
        # The middle of the first pixel now lies between the first two pixels of the larger region.
        shift += turn * _HALF
        turn *= 2
    return region, turn, shift


def _span(places: list[float], side: int) -> tuple[int, int]:
    """Return the range of pixels, along a side of the picture, that holds some places: first, and last plus one."""
    # Two pixels more, because outside the region its border is repeated.
    first = max(0, min(math.floor(min(places)) - 2, side - 1))
    return first, max(first + 1, min(math.ceil(max(places)) + 2, side))


def _halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average blocks of two by two pixels (OpenCV has vector code for it); an odd last row or column is left out."""
    high, wide = image.shape[0] // 2, image.shape[1] // 2
    half = cv2.resize(image[: 2 * high, : 2 * wide], (wide, high), interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.uint8)
