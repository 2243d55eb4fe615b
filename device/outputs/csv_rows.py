"""Results as a table: a row for each face."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..event_types import moment
from ..types import FrameResult, Reading, TrackedFace
from .lines import LineOutput
from .rotation import Rotation

_FRAME = ("frame", "time", "unix", "wall", "name")
_FACE = ("id", "x", "y", "width", "height", "score", "area", "turn", "roll", "right", "up", "unreadable")

_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001
"""What a text begins with that a spreadsheet takes for a formula, in full width too."""


class Labelled(Protocol):
    """Has labels, as a `Classifier` does."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the probabilities."""
        ...


class CsvRows(LineOutput):
    """A row for each face in a CSV file; a frame without faces has none.

        with Pipeline.open() as pipeline, CsvRows("faces.csv", pipeline.classifiers) as rows:
            pipeline.run(rows)

    The first line names the columns, which depend on the models alone: those of the frame and of the face, and for
    each model `label`, `confidence` and the smoothed probabilities, as `p_happy`. The columns of a second model have
    its name behind them: `label (NAME)`. Cells that don't apply are empty, as `right` and `up` (`direction`, in
    degrees) where the field of view is unknown.

    A text that a spreadsheet would take for a formula gets an apostrophe before it. Characters that can't be printed
    are written as Python escapes them, so that a line is always a row. Otherwise a file is kept as by `JsonLines`.

    Args:
        path: The file. Rows are appended to one that has the same columns.
        models: By name, the first being the face's own: `Pipeline.classifiers`.
        every_line: See `JsonLines`.
        rotation: Limits the file; each begins with the line of columns.

    Raises:
        OutputError: The file can't be opened, has other columns, or is being written by another program.
        UsageError: The file is larger than `rotation` allows.
    """

    reads = frozenset({"results"})

    def __init__(
        self,
        path: str | Path,
        models: Mapping[str, Labelled],
        *,
        every_line: bool = False,
        rotation: Rotation | None = None,
    ) -> None:
        self._labels = {name: model.labels for name, model in models.items()}
        head = [*_FRAME, *_FACE]
        for number, (name, labels) in enumerate(self._labels.items()):
            behind = f" ({name})" if number else ""
            head += [f"{column}{behind}" for column in ("label", "confidence", *(f"p_{label}" for label in labels))]
        super().__init__(Path(path), head=_row(head), every_line=every_line, rotation=rotation)

    def write(self, result: FrameResult) -> None:
        """Write the rows of a result.

        Raises:
            OutputError: The disk is full or gone, or this was closed.
        """
        times = moment(result.frame.time, result.wall)
        frame = [result.frame.index, *times.values(), result.frame.name]
        rows = [_row([*frame, *_cells(face), *self._read(face)]) for face in result.faces]
        if rows:
            self.put("\n".join(rows))

    def _read(self, face: TrackedFace) -> list[object]:
        return [cell for name, labels in self._labels.items() for cell in _reading(face.readings[name], labels)]


def _cells(face: TrackedFace) -> list[object]:
    values = face.to_json()
    numbers = (values[name] for name in ("score", "area", "turn", "roll"))
    return [face.track_id, *values["box"], *numbers, *values.get("direction", (None, None)), face.unreadable]


def _reading(reading: Reading, labels: Sequence[str]) -> list[object]:
    values = reading.to_json()
    scores = values["probabilities"] or {}
    return [values["label"], values["confidence"], *(scores.get(label) for label in labels)]


def _row(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([_safe(cell) if isinstance(cell, str) else cell for cell in cells])
    return line.getvalue()


def _safe(text: str) -> str:
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"'{text}" if text.startswith(_FORMULA) else text
