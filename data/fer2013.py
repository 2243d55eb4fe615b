"""Reader for fer2013.csv."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..models.labels import FER2013_LABELS
from .dataset import Dataset, make_dataset
from .pictures import SIZE
from .splits import FER2013_SPLITS


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
                usages.append(FER2013_SPLITS[row["Usage"].strip()])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a csv file: {error}") from error
    except DataError:
        raise
    except KeyError as error:
        raise DataError(f"{path}, line {number}: Usage is {error}, not one of {', '.join(FER2013_SPLITS)}") from error
    except (ValueError, OverflowError, AttributeError, TypeError) as error:
        raise DataError(f"{path}, line {number}: {error}") from error
    if not images:
        raise DataError(f"{path} holds no rows; fer2013.csv has one for each face")
    return make_dataset("FER2013", FER2013_LABELS, np.stack(images), labels, usages)


def _pixels(text: str) -> NDArray[np.uint8]:
    values = np.array(text.split(), dtype=np.int64)
    if values.size != SIZE * SIZE:
        raise ValueError(f"{values.size} pixels instead of {SIZE * SIZE}")
    if values.min() < 0 or values.max() > 255:
        raise ValueError("a pixel lies outside 0 to 255")
    return values.astype(np.uint8).reshape(SIZE, SIZE)


def _code(text: str) -> int:
    code = int(text)
    if not 0 <= code < len(FER2013_LABELS):
        raise ValueError(f"emotion {code} is not one of 0 to {len(FER2013_LABELS) - 1}")
    return code
