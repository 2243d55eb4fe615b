"""Results drawn into a picture: boxes, names and the probability of every label."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import cv2
import numpy as np
from numpy.typing import NDArray

from ...models.labels import LABELS
from ...models.preprocess import to_bgr
from ..types import UNCERTAIN, UNREADABLE, Expression, FrameResult, TrackedFace

Colour = tuple[int, int, int]
Rectangle = tuple[int, int, int, int]

COLOURS: dict[str, Colour] = {
    "angry": (0, 94, 213),
    "disgust": (115, 158, 0),
    "fear": (167, 121, 204),
    "happy": (66, 228, 240),
    "sad": (178, 114, 0),
    "surprise": (0, 159, 230),
    "neutral": (233, 180, 86),
    "contempt": (240, 240, 240),
    UNCERTAIN: (150, 150, 150),
    UNREADABLE: (110, 110, 110),
}
"""BGR by label: the palette of Okabe and Ito ("Color Universal Design", 2008), told apart by people
with every kind of colour blindness; its black, lost on dark pictures, is near-white here. Uncertain and
unreadable are greys."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Pixels from base line to the top of a capital at scale 1, measured; the same in OpenCV 4 and 5, where
# the font is another and getTextSize reports another height.
_CAPITAL = 20
_DARK: Colour = (24, 20, 18)
_LIGHT: Colour = (245, 245, 245)
_TRACK: Colour = (74, 66, 60)


def annotate(result: FrameResult) -> NDArray[np.uint8]:
    """Draw the faces of a result into a copy of its frame.

    Each face gets a box in the colour of its label, a plate with id, label and confidence, and, where
    there is room that no other face needs, bars with the probabilities of all labels. Everything
    scales with the frame and stays inside it.

    Args:
        result: Its frame may be grey, BGR or BGRA.

    Returns:
        uint8 [h, w, 3] BGR, as large as the frame.

    Raises:
        DataError: The frame is no picture: another shape or dtype, or no pixels.
    """
    canvas = _Canvas(np.array(to_bgr(result.frame.image), order="C"))
    boxes = [canvas.inside(face.box) for face in result.faces]
    plates = [canvas.plate_place(face, box) for face, box in zip(result.faces, boxes, strict=True)]
    taken = [*boxes, *plates]
    # Panels first, then boxes, then plates: what matters most is drawn last and covered by nothing.
    for face, box, plate in zip(result.faces, boxes, plates, strict=True):
        if face.expression is None:
            continue
        place = canvas.panel_place(face.expression, box, plate, taken)
        if place is not None:
            taken.append(place)
            canvas.panel(face.expression, place)
    for face, box in zip(result.faces, boxes, strict=True):
        canvas.box(box, colour_of(face.label))
    for face, plate in zip(result.faces, plates, strict=True):
        canvas.plate(face, plate)
    return canvas.image


def colour_of(label: str) -> Colour:
    """Return the BGR colour of a label; labels that ferlite doesn't know share the palette by their spelling."""
    if label in COLOURS:
        return COLOURS[label]
    return COLOURS[LABELS[sum(_printable(label).encode()) % len(LABELS)]]


def fitted(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale a picture into `size` (width, height), its shape kept, on black; uint8 BGR."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    scale = min(size[0] / width, size[1] / height)
    inner = min(size[0], max(1, round(width * scale))), min(size[1], max(1, round(height * scale)))
    x, y = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    fitted = np.zeros((size[1], size[0], 3), np.uint8)
    fitted[y : y + inner[1], x : x + inner[0]] = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
    return fitted


@dataclass(frozen=True)
class _Metrics:
    """Sizes in pixels that follow from the frame's."""

    line: int
    margin: int
    font: float
    small: float
    row: int
    bar: int

    @classmethod
    def of(cls, width: int, height: int) -> _Metrics:
        # 1 at 640 x 480; never so small that letters run together.
        scale = max(0.5, (min(width, height * 4 / 3) / 640) ** 0.85)
        return cls(
            line=max(2, round(2 * scale)),
            margin=max(3, round(5 * scale)),
            font=max(0.36, 0.52 * scale),
            small=max(0.34, 0.40 * scale),
            row=max(11, round(15 * scale)),
            bar=max(28, round(52 * scale)),
        )


class _Canvas:
    """A picture and what is needed to lay text and boxes into it."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self.image = image
        self.height, self.width = image.shape[:2]
        self.metrics = _Metrics.of(self.width, self.height)

    def inside(self, box: tuple[float, float, float, float]) -> Rectangle:
        """Cut a box to the picture, as whole pixels x, y, width, height, each side at least 1."""
        x, y, width, height = (v if isfinite(v) else 0.0 for v in box)
        left, right = (int(np.clip(v, 0, self.width - 1)) for v in (x, x + width))
        top, bottom = (int(np.clip(v, 0, self.height - 1)) for v in (y, y + height))
        return left, top, max(1, right - left), max(1, bottom - top)

    def box(self, box: Rectangle, colour: Colour) -> None:
        """Draw a face's outline, with a thin dark line around it that holds against a bright background."""
        x, y, width, height = box
        line = self.metrics.line
        out = line // 2 + 1
        cv2.rectangle(self.image, (x - out, y - out), (x + width + out, y + height + out), _DARK, 1)
        cv2.rectangle(self.image, (x, y), (x + width, y + height), colour, line)

    def plate_place(self, face: TrackedFace, box: Rectangle) -> Rectangle:
        """Find the place of a face's plate: above its box, or inside where the picture ends."""
        x, y, *_ = box
        m = self.metrics
        width = _text_width(_title(face), m.font)
        width, height = width + 2 * m.margin, round(_CAPITAL * m.font) + 2 * m.margin
        above = y - height - m.line
        return self._shift((x - m.line // 2, above if above >= 0 else y + m.line, width, height))

    def plate(self, face: TrackedFace, place: Rectangle) -> None:
        """Draw a face's id, label and confidence on a field of its label's colour."""
        colour = colour_of(face.label)
        self._fill(place, colour, 1.0)
        blue, green, red = colour
        # Relative luminance by ITU-R BT.601 decides between dark and light letters.
        ink = _DARK if 0.114 * blue + 0.587 * green + 0.299 * red > 110 else _LIGHT
        x, y, _, height = place
        self._text(_title(face), x + self.metrics.margin, y, height, self.metrics.font, ink)

    def panel_place(
        self, expression: Expression, box: Rectangle, plate: Rectangle, taken: list[Rectangle]
    ) -> Rectangle | None:
        """Find room for a face's bars beside, below or above it that covers nothing else; None if there is none."""
        x, y, width, height = box
        m = self.metrics
        wide = self._name_width(expression) + m.bar + 3 * m.margin
        high = m.row * len(expression.labels) + m.margin
        gap = m.margin + m.line
        centre = x + (width - wide) // 2
        candidates = (
            (x + width + gap, y),
            (x - wide - gap, y),
            (x + width + gap, y + height - high),
            (x - wide - gap, y + height - high),
            (centre, y + height + gap),
            (centre, min(y, plate[1]) - high - gap),
        )
        for left, top in candidates:
            place = self._shift((left, top, wide, high))
            x, y, w, h = place
            if w == wide and h == high and not any(_overlap(place, other) for other in taken):
                return place
        return None

    def panel(self, expression: Expression, place: Rectangle) -> None:
        """Draw a bar for each label's probability."""
        x, y, width, _ = place
        m = self.metrics
        self._fill(place, _DARK, 0.72)
        start = x + 2 * m.margin + self._name_width(expression)
        end = x + width - m.margin
        thick = max(4, m.row * 2 // 5)
        best = expression.label
        pairs = zip(expression.labels, expression.probabilities, strict=True)
        for number, (label, probability) in enumerate(pairs):
            top = y + m.margin // 2 + number * m.row
            ink = _LIGHT if label == best else (190, 186, 182)
            self._text(label, x + m.margin, top, m.row, m.small, ink)
            # Small letters are centred a little below the middle of their row.
            middle = top + m.row // 2 - thick // 2 + round(3 * m.small)
            self._fill((start, middle, end - start, thick), _TRACK, 1.0)
            share = float(np.clip(np.nan_to_num(probability), 0, 1))
            if length := round(share * (end - start)):
                self._fill((start, middle, length, thick), colour_of(label), 1.0)

    def _name_width(self, expression: Expression) -> int:
        return max(_text_width(label, self.metrics.small) for label in expression.labels)

    def _text(self, text: str, x: int, top: int, height: int, scale: float, ink: Colour) -> None:
        """Write a line of text, its capitals centred in a row."""
        base = top + round((height + _CAPITAL * scale) / 2)
        cv2.putText(self.image, _printable(text), (x, base), _FONT, scale, ink, 1, cv2.LINE_AA)

    def _fill(self, place: Rectangle, colour: Colour, opacity: float) -> None:
        x, y, width, height = place
        part = self.image[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
        part[:] = np.rint(part * (1 - opacity) + np.array(colour) * opacity)

    def _shift(self, place: Rectangle) -> Rectangle:
        """Move a rectangle into the picture; one larger than the picture is cut."""
        x, y, width, height = place
        width, height = min(width, self.width), min(height, self.height)
        return min(max(x, 0), self.width - width), min(max(y, 0), self.height - height), width, height


def _text_width(text: str, scale: float) -> int:
    (width, _), _ = cv2.getTextSize(_printable(text), _FONT, scale, 1)
    return width


def _printable(text: str) -> str:
    """Replace lone surrogates, which names of files can hold and which kill the process inside OpenCV."""
    return text.encode(errors="replace").decode()


def _title(face: TrackedFace) -> str:
    if face.expression is None:
        return f"{face.track_id}  {face.unreadable}"
    return f"{face.track_id}  {face.label} {face.confidence:.0%}"


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return all(one[k] < other[k] + other[k + 2] and other[k] < one[k] + one[k + 2] for k in (0, 1))
