"""Overlap of boxes, and suppression of boxes that overlap."""

from __future__ import annotations

from ..types import Box

ScoredBox = tuple[float, float, float, float, float]
"""x, y, width, height and score."""

_MAX_OVERLAP = 0.3  # of two boxes, intersection over union; the value of OpenCV's YuNet demo


def nms(boxes: list[ScoredBox]) -> list[ScoredBox]:
    """Keep the best box of each group that overlaps (greedy non-maximum suppression).

    Args:
        boxes: The boxes, best first.
    """
    kept: list[ScoredBox] = []
    for box in boxes:
        x, y, width, height, _ = box
        for left, top, wide, high, _ in kept:
            across = min(x + width, left + wide) - max(x, left)
            down = min(y + height, top + high) - max(y, top)
            # Intersection over union, without dividing.
            if across > 0 < down and (1 + _MAX_OVERLAP) * across * down > _MAX_OVERLAP * (width * height + wide * high):
                break
        else:
            kept.append(box)
    return kept


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes (x, y, width, height), 0 to 1."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
