"""Reader for the faces of github.com/muxspace/facial_expressions. Needs no TensorFlow.

A folder with `images/` and, beside it or in `data/`, `legend.csv` with the columns user.id, image and
emotion. What the legend has of its own:

- labels in upper and in lower case;
- pictures listed twice: the first listing counts, and a picture listed with two labels is left out,
  for nobody can say which of them is right;
- persons, in the file names (`George_W_Bush_0012.jpg`, `KatrinaKaif_59.jpg`): up to the last underscore
  where a number follows it. Any other picture is a person of its own.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from ..errors import DataError, UnknownNameError, check_name
from ..models.files import read_bytes
from ..models.labels import LABELS, canonical
from .dataset import Dataset, make_dataset
from .pictures import read_grey
from .splits import draw_validation

_LEGENDS = ("legend.csv", "data/legend.csv")


def is_at(path: str | Path) -> bool:
    """Tell whether a folder is of this form."""
    return any((Path(path) / legend).is_file() for legend in _LEGENDS)


def read(path: str | Path, seed: int = 0) -> Dataset:
    """Read the folder: grey 48 x 48 faces, a tenth of them drawn for validation, class by class, by `seed`.

    Raises:
        DataError: The legend lacks a column, or a line of it names no label, or no readable picture in `images/`.
        MissingFileError: There is no legend.
    """
    path = Path(path)
    legend = next((path / name for name in _LEGENDS if (path / name).is_file()), path / _LEGENDS[0])
    listed = _listed(legend)
    missing = next((name for name in listed if not (path / "images" / name).is_file()), None)
    if missing is not None:
        raise DataError(f"{legend} names {missing}, which is not in {path / 'images'}; add it or remove its line")
    label_names = tuple(name for name in LABELS if name in listed.values())
    labels = [label_names.index(label) for label in listed.values()]
    return make_dataset(
        "facial_expressions",
        label_names,
        np.stack([read_grey(path / "images" / name) for name in listed]),
        labels,
        draw_validation(labels, ["train"] * len(labels), seed),
        [_person(name) for name in listed],
    )


def _listed(legend: Path) -> dict[str, str]:
    """Return the label of each picture, by file name, in the order of the legend."""
    try:
        rows = csv.DictReader(read_bytes(legend).decode("utf-8-sig").splitlines())
        missing = {"image", "emotion"} - set(rows.fieldnames or [])
        if missing:
            raise DataError(f"{legend} lacks the column {', '.join(sorted(missing))}; it has user.id, image, emotion")
        listed: dict[str, set[str]] = {}
        for row in rows:
            if not row["image"] or not row["emotion"]:
                raise DataError(f"{legend}, line {rows.line_num}: the row is cut short")
            try:
                label = canonical(row["emotion"])
                listed.setdefault(check_name("picture", row["image"]), set()).add(label)
            except (UnknownNameError, DataError) as error:
                raise DataError(f"{legend}, line {rows.line_num}: {error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{legend} is not a csv file: {error}") from error
    labelled = {name: labels.pop() for name, labels in listed.items() if len(labels) == 1}
    if not labelled:
        raise DataError(f"{legend} lists no pictures, or each with several labels")
    return labelled


def _person(name: str) -> str:
    numbered = re.fullmatch(r"(.+)_\d+", Path(name).stem)
    return numbered[1] if numbered else name
