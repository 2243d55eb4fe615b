"""What every reader returns: grey faces of one size with labels, divided into splits."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError, unknown
from ..models.files import sha256
from ..models.preprocess import to_size
from .splits import ALL, SPLITS, split_name


@dataclass(frozen=True, eq=False)
class Faces:
    """Labelled grey faces. Compared by identity; `Dataset.sha256` tells whether the pixels are the same.

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

    def __repr__(self) -> str:
        return f"Faces({len(self)} of {' x '.join(map(str, self.images.shape[1:]))} pixels)"

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


def identical_to(faces: Faces, others: Faces) -> NDArray[np.bool_]:
    """Mark the faces that are pixel-identical to one of `others`.

    288 PrivateTest and 280 PublicTest images of FER2013 are pixel-identical to a Training image.

    Returns:
        bool [n] for the n faces.
    """
    known = {image.tobytes() for image in others.images}
    return np.array([image.tobytes() in known for image in faces.images], bool)


def make_dataset(
    name: str,
    label_names: tuple[str, ...],
    images: NDArray[np.uint8],
    labels: Sequence[int],
    splits: Sequence[str],
    persons: Sequence[str] = (),
) -> Dataset:
    """Make a data set of faces, with its hash.

    Args:
        name: Short name for records and tables.
        label_names: Canonical labels.
        images: uint8 [n, h, w].
        labels: Index into `label_names` for each face.
        splits: `train`, `validation` or `test` for each face.
        persons: Name of the person of each face; empty if unknown.
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
    """Number items so that those with a common key, directly or through others, share a number.

    Args:
        keys: For each key its value for each of n items.

    Returns:
        int64 [n], the first index of an item with the same number.
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
