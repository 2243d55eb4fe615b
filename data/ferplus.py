"""FER+: the votes of ten people on each face of FER2013 (Barsoum et al. 2016, arXiv 1608.01041). Needs no TensorFlow.

`fer2013new.csv` of github.com/microsoft/FERPlus holds no pictures: it is joined to fer2013.csv row by
row. Its image names can't be used for that, for some are missing and some occur twice; they show whether the
rows are in their own order.

The label of a face is the emotion with the most votes, the first of them where several have as many
("majority voting" in the paper). Where "unknown" or "not a face" (NF) has as many votes as that, the face
has no label. The authors' published program is stricter: it also strikes out single votes and then asks
for more than half of the rest.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..models.files import read_bytes, sha256
from ..models.labels import LABELS, canonical
from .dataset import Dataset, Faces
from .splits import split_name

_EMOTIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
_OTHERS = ("unknown", "NF")
_NAMES = [canonical(name) for name in _EMOTIONS]
_IMAGE = "Image name"
_VOTERS = 10


@dataclass(frozen=True)
class Votes:
    """Votes for each row of fer2013.csv.

    Attributes:
        path: The file they were read from.
        sha256: Its hash.
        splits: `train`, `validation` or `test` of each row, by its column Usage.
        emotions: int64 [rows, 8], votes for each emotion in the order of the file, neutral first.
        others: int64 [rows, 2], votes for unknown and for not a face.
    """

    path: str
    sha256: str
    splits: tuple[str, ...]
    emotions: NDArray[np.int64]
    others: NDArray[np.int64]

    @property
    def is_face(self) -> NDArray[np.bool_]:
        """Whether an emotion has more votes than unknown and than not a face, bool [rows]."""
        return self.emotions.max(1) > self.others.max(1)

    def check(self, dataset: Dataset) -> None:
        """Check that the votes are for the rows of a data set as it was read.

        Raises:
            DataError: It has another number of rows, or a row is of another split.
        """
        count = sum(map(len, dataset.splits.values()))
        if count != len(self.splits):
            raise DataError(
                f"{self.path} has {len(self.splits)} rows and {dataset.path or dataset.name} {count}: votes go with "
                "the whole of fer2013.csv, row by row"
            )
        splits = np.array(self.splits)
        for name, faces in dataset.splits.items():
            wrong = faces.rows[splits[faces.rows] != name]
            if len(wrong):
                raise DataError(
                    f"row {wrong[0]} is in {name} in {dataset.path or dataset.name} and in {splits[wrong[0]]} in "
                    f"{self.path}; votes go with fer2013.csv in its own order"
                )

    def labelled(self, dataset: Dataset) -> Dataset:
        """Return the data set with the eight labels of the votes, without the faces that have none, as `FER+`."""
        winners = np.array([LABELS.index(name) for name in _NAMES])[self.emotions.argmax(1)]

        def label(faces: Faces) -> Faces:
            faces = faces[self.is_face[faces.rows]]
            return replace(faces, labels=winners[faces.rows])

        return replace(
            dataset, name="FER+", label_names=LABELS, splits={name: label(f) for name, f in dataset.splits.items()}
        )

    def targets(
        self, rows: NDArray[np.int64], label_names: Sequence[str], merge: Mapping[str, str], *, soft: bool
    ) -> NDArray[np.float32]:
        """Return targets from the votes, in the labels of a recipe.

        Args:
            rows: int64 [n] of fer2013.csv.
            label_names: The recipe's labels.
            merge: Its merged labels.
            soft: Whether each label gets its share of the votes, or the one with the most gets all.

        Returns:
            float32 [n, labels] with the sum 1; 0 throughout where all votes are for labels that are not kept.
        """
        votes = self.emotions[rows].astype(np.float32)
        if not soft:
            votes = np.eye(len(_NAMES), dtype=np.float32)[votes.argmax(1)] * (votes.max(1, keepdims=True) > 0)
        names = [merge.get(name, name) for name in _NAMES]
        kept = votes @ np.array([[name == label for label in label_names] for name in names], np.float32)
        return kept / np.maximum(kept.sum(1, keepdims=True), 1e-9)


def majority(dataset: Dataset, path: str | Path) -> Dataset:
    """Return a data set with the majority labels of the votes in a file.

    Raises:
        MissingFileError: There is no such file.
        DataError: It holds no votes, or those for other data.
    """
    votes = read(path)
    votes.check(dataset)
    return votes.labelled(dataset)


def read(path: str | Path) -> Votes:
    """Read fer2013new.csv.

    Raises:
        MissingFileError: There is no such file.
        DataError: A column is missing, a row is not of votes, or the rows were put in another order; the
            message names the row.
    """
    content = read_bytes(path)
    splits: list[str] = []
    images: list[str] = []
    votes: list[list[int]] = []
    number = 1
    try:
        rows = csv.DictReader(content.decode("utf-8-sig").splitlines())
        missing = {"Usage", _IMAGE, *_EMOTIONS, *_OTHERS} - set(rows.fieldnames or [])
        if missing:
            raise DataError(f"{path} lacks the column {', '.join(sorted(missing))}; fer2013new.csv of FER+ has them")
        for row in rows:
            number = rows.line_num
            splits.append(split_name(row["Usage"]))
            images.append(row[_IMAGE])
            votes.append([_count(row[name]) for name in (*_EMOTIONS, *_OTHERS)])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a csv file: {error}") from error
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}, line {number}: {error}") from error
    if not votes:
        raise DataError(f"{path} holds no rows; fer2013new.csv of FER+ has one for each face")
    moved = _moved(images)
    if moved is not None:
        raise DataError(f"{path}: the rows around {moved} are not in their own order; download fer2013new.csv again")
    counts = np.array(votes, np.int64)
    return Votes(str(Path(path).resolve()), sha256(content), tuple(splits), counts[:, :8], counts[:, 8:])


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= _VOTERS:
        raise ValueError(f"{text} votes; {_VOTERS} people voted on each face")
    return count


def _moved(images: Sequence[str]) -> str | None:
    """Return the first image that is not in its place, by the names of the images in the order of the rows.

    An image is named after its number in fer2013.csv, in which not every row counts: from one name to the next
    the number rises, by no more than the rows between them. The four names that occur twice say nothing.
    """
    times = Counter(images)
    before = row_before = -1
    for row, image in enumerate(images):
        if not image or times[image] > 1:
            continue
        name = re.fullmatch(r"fer(\d{7})\.png", image)
        if not name or not 1 <= int(name[1]) - before <= row - row_before:
            return image
        before, row_before = int(name[1]), row
    return None
