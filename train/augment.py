"""Random changes of training faces: one affine warp each, then brightness, contrast, erasing, then mixing.

A whole epoch is made at once from the seed and the epoch's number alone, so that a resumed run sees
exactly what an uninterrupted one would have seen.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..models.toml_models import Table


class Augmentation(Table):
    """How far training faces are varied; each amount is the end of a uniform range.

    Attributes:
        rotation: Degrees to either side.
        scale: Fraction of the size to either side.
        shift: Pixels of the 48-pixel face to either side, each axis.
        flip_horizontal: Mirror half of the faces.
        flip_vertical: Turn half of the faces upside down. Some published notebooks do; a camera does not.
        brightness: Grey values to either side.
        contrast: Fraction of the contrast to either side.
        erase: Share of faces that lose one random rectangle (Zhong et al. 2020, "Random Erasing").
        mixup: Alpha of the beta distribution for the share by which each face is blended with another, and its
            target with that face's (Zhang et al. 2018); 0 is off.
        cutmix: Alpha of the beta distribution of the area in which each face is replaced by another, its
            target in proportion (Yun et al. 2019); 0 is off. With both on, each face gets one of them.
    """

    rotation: float = Field(default=0, ge=0, le=180)
    scale: float = Field(default=0, ge=0, lt=1)
    shift: float = Field(default=0, ge=0, le=24)
    flip_horizontal: bool = False
    flip_vertical: bool = False
    brightness: float = Field(default=0, ge=0, le=128)
    contrast: float = Field(default=0, ge=0, lt=1)
    erase: float = Field(default=0, ge=0, le=1)
    mixup: float = Field(default=0, ge=0, le=100)
    cutmix: float = Field(default=0, ge=0, le=100)


def augment(images: NDArray[np.uint8], settings: Augmentation, seed: int, epoch: int) -> NDArray[np.uint8]:
    """Vary every face once.

    Args:
        images: uint8 [n, h, w].
        settings: The ranges to draw from.
        seed: Seed of the run.
        epoch: Number of the epoch; another epoch draws other variations.

    Returns:
        uint8 [n, h, w], new memory.
    """
    rng = np.random.default_rng((seed, epoch))
    count, height, width = images.shape
    draw = rng.uniform(-1, 1, size=(count, 6)).astype(np.float32)
    angle = np.deg2rad(draw[:, 0] * settings.rotation)
    scale = 1 + draw[:, 1] * settings.scale
    shift = draw[:, 2:4] * settings.shift * width / 48
    mirror = np.where(rng.random((count, 2)) < 0.5, [settings.flip_horizontal, settings.flip_vertical], False)
    signs = np.where(mirror, -1.0, 1.0)

    # Rotation and scale about the centre, mirrored by the sign of a column, then the shift.
    matrices = np.empty((count, 2, 3), np.float32)
    matrices[:, 0, 0] = np.cos(angle) * scale * signs[:, 0]
    matrices[:, 1, 0] = np.sin(angle) * scale * signs[:, 0]
    matrices[:, 0, 1] = -np.sin(angle) * scale * signs[:, 1]
    matrices[:, 1, 1] = np.cos(angle) * scale * signs[:, 1]
    centre = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    matrices[:, :, 2] = centre + shift - matrices[:, :, :2] @ centre

    gain = 1 + draw[:, 4] * settings.contrast
    offset = draw[:, 5] * settings.brightness + 127.5 * (1 - gain)
    erased = rng.random(count) < settings.erase
    boxes = _rectangles(rng, count, height, width)
    fill = rng.integers(0, 256, count)

    result = np.empty_like(images)
    moved = settings.rotation or settings.scale or settings.shift or mirror.any()
    for i, image in enumerate(images):
        face = image
        if moved:
            face = cv2.warpAffine(image, matrices[i], (width, height), borderMode=cv2.BORDER_REPLICATE)
        if settings.contrast or settings.brightness:
            face = np.clip(face * gain[i] + offset[i], 0, 255)
        result[i] = face
        if erased[i]:
            top, bottom, left, right = boxes[i]
            result[i, top:bottom, left:right] = fill[i]
    return result


def mix(
    images: NDArray[np.uint8], targets: NDArray[np.float32], settings: Augmentation, seed: int, epoch: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Mix every face with another one, by mixup or cutmix.

    Args:
        images: uint8 [n, h, w].
        targets: float32 [n, columns]: shares of the classes, with teachers followed by their answers.
        settings: Its `mixup` and `cutmix`.
        seed: Seed of the run.
        epoch: Number of the epoch.

    Returns:
        uint8 [n, h, w] and float32 [n, columns]; the input where both are off.
    """
    if not settings.mixup and not settings.cutmix:
        return images, targets
    rng = np.random.default_rng((seed, epoch, 3))
    count, height, width = images.shape
    partner = rng.permutation(count)
    cut = rng.random(count) < (0.5 if settings.mixup and settings.cutmix else float(settings.cutmix > 0))
    alpha = np.where(cut, settings.cutmix, settings.mixup)
    kept = rng.beta(alpha, alpha)
    high, wide = (np.rint(np.sqrt(1 - kept) * side).astype(int) for side in (height, width))
    middle_y, middle_x = rng.integers(0, height, count), rng.integers(0, width, count)
    top, bottom = np.maximum(middle_y - high // 2, 0), np.minimum(middle_y + (high + 1) // 2, height)
    left, right = np.maximum(middle_x - wide // 2, 0), np.minimum(middle_x + (wide + 1) // 2, width)
    # A rectangle over the border is cut off; the target follows what is left of it.
    kept = np.where(cut, 1 - (bottom - top) * (right - left) / (height * width), kept)

    result = images.copy()
    for i, other in enumerate(partner):
        if cut[i]:
            box = slice(top[i], bottom[i]), slice(left[i], right[i])
            result[i][box] = images[other][box]
        else:
            cv2.addWeighted(images[i], float(kept[i]), images[other], float(1 - kept[i]), 0, dst=result[i])
    mixed = kept[:, None] * targets + (1 - kept[:, None]) * targets[partner]
    return result, mixed.astype(np.float32)


def _rectangles(rng: np.random.Generator, count: int, height: int, width: int) -> NDArray[np.int64]:
    """Draw [n, 4] rectangles (top, bottom, left, right) of 2 to 20 % of the area, aspect 0.3 to 3.3."""
    area = rng.uniform(0.02, 0.2, count) * height * width
    aspect = np.exp(rng.uniform(np.log(0.3), np.log(3.3), count))
    high = np.clip(np.sqrt(area * aspect), 1, height).astype(int)
    wide = np.clip(np.sqrt(area / aspect), 1, width).astype(int)
    top = (rng.random(count) * (height - high + 1)).astype(int)
    left = (rng.random(count) * (width - wide + 1)).astype(int)
    return np.stack([top, top + high, left, left + wide], axis=1)
