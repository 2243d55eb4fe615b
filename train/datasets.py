"""Readers for facial expression data in the forms people have it. Needs no TensorFlow.

Every reader returns a `Dataset`: grey faces of one size with labels, divided into the splits
`train`, `validation` and `test`. FER2013's own names Training, PublicTest and PrivateTest are
accepted wherever a split is named.
"""

from __future__ import annotations

import csv
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..models.errors import DataError, MissingFileError, UsageError, unknown
from ..models.files import PICTURES, sha256
from ..models.labels import FER2013_LABELS, LABELS, canonical
from ..models.preprocess import to_grey, to_size

SPLITS = ("train", "validation", "test")

EIGENFACES = "eigenfaces"
"""The data set that needs no file; see `train.eigenfaces`."""

_FER2013_SPLITS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
_SIZE = 48

ALL = "all"
"""In place of a split's name: every face."""


@dataclass(frozen=True)
class Faces:
    """Labelled grey faces.

    Attributes:
        images: uint8 [n, height, width], 0 black to 255 white.
        labels: int64 [n], index into the data set's `label_names`.
        rows: int64 [n], row of each face in the data set's file, or its place in the sorted file list.
        groups: int64 [n], equal for pictures of the same person and for identical pictures; where nothing
            is known of that, each face is its own group, and that is its row.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]
    groups: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        if not len(self.groups):
            object.__setattr__(self, "groups", self.rows)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Faces:
        """Return the faces that a mask or a list of places selects."""
        return Faces(self.images[which], self.labels[which], self.rows[which], self.groups[which])

    @classmethod
    def joined(cls, parts: Sequence[Faces]) -> Faces:
        """Put faces of the same size one after another."""
        columns = ([getattr(part, name) for part in parts] for name in ("images", "labels", "rows", "groups"))
        return cls(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True)
class Dataset:
    """Faces in splits.

    Attributes:
        name: Short name for records and tables.
        label_names: Canonical labels; a face's label is an index into them.
        splits: Faces by split name; a data set may lack some.
        sha256: Hash of all images, labels and split membership.
        path: Where it was read from; empty for data made here.
    """

    name: str
    label_names: tuple[str, ...]
    splits: dict[str, Faces]
    sha256: str
    path: str = ""

    def split(self, name: str) -> Faces:
        """Return a split by its name or by FER2013's name for it, or `all` faces of data that set none apart.

        Raises:
            UnknownNameError: The data set has no such split.
            DataError: The split is empty.
            UsageError: All faces are asked for, and some of them are a test split.
        """
        if name == ALL:
            if "test" in self.splits:
                raise UsageError(f"{self.name} sets a test split apart: name a split, not {ALL!r}")
            return Faces.joined(list(self.splits.values()))
        faces = self.splits.get(split_name(name))
        if faces is None:
            raise unknown("split", name, self.splits)
        if not len(faces):
            raise DataError(f"split {name!r} of {self.name} holds no faces")
        return faces

    def resized(self, size: int) -> Dataset:
        """Return the data set with faces of size x size; its hash stays that of what was read."""

        def fit(faces: Faces) -> Faces:
            return replace(faces, images=np.stack([to_size(image, (size, size)) for image in faces.images]))

        return replace(self, splits={name: fit(faces) for name, faces in self.splits.items()})


def split_name(name: str) -> str:
    """Return `train`, `validation` or `test` for one of these or for FER2013's name of it."""
    by_lower = {k.lower(): v for k, v in _FER2013_SPLITS.items()} | {s: s for s in SPLITS}
    try:
        return by_lower[name.lower()]
    except KeyError:
        raise unknown("split", name, [*SPLITS, *_FER2013_SPLITS]) from None


def load(path: str | Path) -> Dataset:
    """Read a data set from a csv file or a folder, whichever `path` is; `eigenfaces` is carried along.

    Raises:
        MissingFileError: `path` does not exist.
        DataError: It is not a data set that ferlite can read; the message says where it fails.
    """
    if str(path) == EIGENFACES:
        from .eigenfaces import dataset

        return replace(dataset(), path=EIGENFACES)
    path = Path(path)
    if not path.exists():
        raise MissingFileError(f"there is no data set at {path}; see 'Data' in README.md for the forms it takes")
    if path.is_dir():
        from . import muxspace

        dataset = muxspace.read(path) if muxspace.is_at(path) else from_folder(path)
    else:
        dataset = from_csv(path)
    return replace(dataset, path=str(path.resolve()))


def from_csv(path: str | Path) -> Dataset:
    """Read fer2013.csv, or icml_face_data.csv, whose column names start with a blank.

    The columns are `emotion` (0 to 6, see `FER2013_LABELS`), `pixels` (48 x 48 grey values, 0 to
    255, separated by blanks) and `Usage` (Training, PublicTest, PrivateTest). Source of the format:
    Kaggle, "Challenges in Representation Learning: Facial Expression Recognition", 2013.

    Raises:
        DataError: A column is missing, or a row is not a face; the message names the row.
    """
    path = Path(path)
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    usages: list[str] = []
    number = 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            rows.fieldnames = [name.strip() for name in rows.fieldnames or []]
            missing = {"emotion", "pixels", "Usage"} - set(rows.fieldnames)
            if missing:
                raise DataError(
                    f"{path} lacks the column {', '.join(sorted(missing))}; fer2013.csv has emotion, pixels and Usage"
                )
            for row in rows:
                number = rows.line_num
                if None in row.values():
                    raise ValueError("the row is cut short")
                images.append(_pixels(row["pixels"]))
                labels.append(_code(row["emotion"]))
                usages.append(_FER2013_SPLITS[row["Usage"].strip()])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a csv file: {error}") from error
    except OSError as error:
        raise MissingFileError(f"can't read {path}: {error.strerror or error}") from error
    except DataError:
        raise
    except KeyError as error:
        raise DataError(f"{path}, line {number}: Usage is {error}, not one of {', '.join(_FER2013_SPLITS)}") from error
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(f"{path}, line {number}: {error}") from error
    if not images:
        raise DataError(f"{path} holds no rows; fer2013.csv has one for each face")
    return make_dataset("FER2013", FER2013_LABELS, np.stack(images), labels, usages)


def from_folder(path: str | Path, seed: int = 0) -> Dataset:
    """Read a folder-per-class tree, with or without train/validation/test folders above the classes.

    Pictures are made grey and 48 x 48. In the Kaggle form of FER2013 the file names in `test` begin
    with PublicTest or PrivateTest; these become `validation` and `test`. Where no split is given for
    validation, a tenth of `train` is drawn for it, class by class, by `seed`.

    Raises:
        DataError: A class folder is empty, a picture does not decode, or there are no classes.
        UnknownNameError: A class folder's name is no expression label.
    """
    path = Path(path)
    folders = [p for p in sorted(path.iterdir()) if p.is_dir() and not p.name.startswith(".")]
    aliases = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
               "validation": "validation", "test": "test"}  # fmt: skip
    beside = [p for p in folders if p.name.lower() not in aliases]
    if beside and len(beside) < len(folders):
        raise DataError(f"{beside[0]} lies beside train and test folders but is none of them; move it away")
    by_split = [(aliases[p.name.lower()], p) for p in folders if p.name.lower() in aliases]
    files: list[Path] = []
    names: list[str] = []
    splits: list[str] = []
    for split, root in by_split or [("train", path)]:
        classes = [p for p in sorted(root.iterdir()) if p.is_dir() and not p.name.startswith(".")]
        if not classes:
            raise DataError(f"{root} has no class folders; expected for instance {root / 'happy'}")
        for folder in classes:
            label = canonical(folder.name)
            pictures = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in PICTURES]
            if not pictures:
                raise DataError(f"class folder {folder} holds no pictures; fill it or remove it")
            files += pictures
            names += [label] * len(pictures)
            splits += [_split_of(split, picture) for picture in pictures]
    present = set(names)
    fer2013 = present <= set(FER2013_LABELS)
    label_names = FER2013_LABELS if fer2013 and len(present) == 7 else tuple(n for n in LABELS if n in present)
    labels = [label_names.index(name) for name in names]
    if "validation" not in splits:
        splits = draw_validation(labels, splits, seed)
    return make_dataset(path.name, label_names, np.stack([read_grey(f) for f in files]), labels, splits)


def read_grey(path: str | Path, size: int = _SIZE) -> NDArray[np.uint8]:
    """Read one picture as grey uint8 [size, size].

    Raises:
        DataError: The file does not decode as a picture.
    """
    picture = cv2.imread(str(path))
    if picture is None:
        raise DataError(f"{path} does not decode as a picture; replace or remove it")
    return to_size(to_grey(np.asarray(picture, np.uint8)), (size, size))


def draw_validation(labels: Sequence[int], splits: Sequence[str], seed: int) -> list[str]:
    """Give a tenth of `train` to `validation`, class by class; returns the new splits."""
    rng = np.random.default_rng(seed)
    result = np.array(splits, dtype=object)
    for label in sorted(set(labels)):
        places = np.flatnonzero((np.array(labels) == label) & (result == "train"))
        result[rng.permutation(places)[: len(places) // 10]] = "validation"
    return result.tolist()


def identical_to(faces: Faces, others: Faces) -> NDArray[np.bool_]:
    """Mark the faces that are pixel-identical to one of `others`.

    288 PrivateTest and 280 PublicTest images of FER2013 are pixel-identical to a Training image.

    Returns:
        bool [n] for the n faces.
    """
    known = {image.tobytes() for image in others.images}
    return np.array([image.tobytes() in known for image in faces.images], bool)


def balanced_draw(labels: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Draw places so that the classes are as equal in number as the data allow.

    Args:
        labels: int [n] class of each face.
        count: How many to draw; at most n are.
        seed: Seed of the draw; the same seed draws the same places in the same order.

    Returns:
        int64 [min(count, n)], shuffled.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    # Deal the classes in turn: a face's turn is how many of its class were dealt before it.
    turns = np.zeros(len(labels), np.int64)
    seen: dict[int, int] = {}
    for place in order:
        label = int(labels[place])
        turns[place] = seen[label] = seen.get(label, -1) + 1
    return rng.permutation(order[np.argsort(turns[order], kind="stable")][:count])


def make_dataset(
    name: str,
    label_names: tuple[str, ...],
    images: NDArray[np.uint8],
    labels: Sequence[int],
    splits: Sequence[str],
    persons: Sequence[str] = (),
) -> Dataset:
    """Put faces together to a data set, with the hash that names them.

    Args:
        name: Short name for records and tables.
        label_names: Canonical labels.
        images: uint8 [n, h, w].
        labels: Index into `label_names` for each face.
        splits: `train`, `validation` or `test` for each face.
        persons: Whose face each is; empty where nobody knows.
    """
    codes = np.array(labels, np.int64)
    parts = np.array(splits)
    rows = np.arange(len(codes), dtype=np.int64)
    pictures = [image.tobytes() for image in images]
    everything = Faces(images, codes, rows, connected(pictures, persons) if persons else connected(pictures))
    texts = ["\n".join(column).encode() for column in (splits, persons) if column]
    return Dataset(
        name=name,
        label_names=label_names,
        splits={split: everything[parts == split] for split in SPLITS if (parts == split).any()},
        sha256=sha256(images.tobytes(), codes.tobytes(), *texts),
    )


def connected(*keys: Sequence[Hashable]) -> NDArray[np.int64]:
    """Number things so that those alike in any key, directly or through others, share a number.

    Args:
        keys: For each key its value for each of n things.

    Returns:
        int64 [n], the first place at which a thing of the same number stands.
    """
    numbered = []
    for key in keys:
        known: dict[Hashable, int] = {}
        numbered.append(np.array([known.setdefault(value, len(known)) for value in key], np.int64))
    groups = np.arange(len(keys[0]), dtype=np.int64)
    while True:
        before = groups
        for codes in numbered:
            lowest = np.full(len(codes), len(codes), np.int64)
            np.minimum.at(lowest, codes, groups)
            groups = lowest[codes]
        if (groups == before).all():
            return groups


def _pixels(text: str) -> NDArray[np.uint8]:
    values = np.array(text.split(), dtype=np.int64)
    if values.size != _SIZE * _SIZE:
        raise ValueError(f"{values.size} pixels instead of {_SIZE * _SIZE}")
    if values.min() < 0 or values.max() > 255:
        raise ValueError("a pixel lies outside 0 to 255")
    return values.astype(np.uint8).reshape(_SIZE, _SIZE)


def _code(text: str) -> int:
    code = int(text)
    if not 0 <= code < len(FER2013_LABELS):
        raise ValueError(f"emotion {code} is not one of 0 to {len(FER2013_LABELS) - 1}")
    return code


def _split_of(split: str, picture: Path) -> str:
    for prefix, name in _FER2013_SPLITS.items():
        if split == "test" and picture.name.startswith(prefix):
            return name
    return split
