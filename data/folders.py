"""Reader for a folder with a folder for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DataError
from ..models.files import PICTURES
from ..models.labels import FER2013_LABELS, LABELS, canonical
from .dataset import Dataset, make_dataset
from .pictures import read_grey
from .splits import FER2013_SPLITS, draw_validation


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
            for picture in pictures:
                if not picture.is_file():  # reading a FIFO would wait for its writer
                    raise DataError(f"{picture} is named as a picture but is no file; move it away")
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


def _split_of(split: str, picture: Path) -> str:
    for prefix, name in FER2013_SPLITS.items():
        if split == "test" and picture.name.startswith(prefix):
            return name
    return split
