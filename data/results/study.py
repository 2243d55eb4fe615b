"""What the variants of a study reached."""

from __future__ import annotations

from typing import Any, TypedDict

from .accuracy import ScoreFields
from .environment import Environment


class StudyRow(TypedDict):
    """`train.studies.row.Row` as JSON; faces and epochs of each fold."""

    variant: str
    published: str
    differs: str
    recipe: str
    why_not: str
    parameters: int
    macs: int
    faces: list[int]
    epochs: list[int]
    seconds: float
    found: dict[str, Any]  # what was searched for, by recipe key
    float32: ScoreFields | None
    int8: ScoreFields | None
    binary_accuracy: float


class StudyResult(TypedDict):
    """`ferlite study`; `sha256` is the data set's, `evaluated` the split scored on, `about` where it ran."""

    schema: str
    study: str
    data: str
    sha256: str
    evaluated: str
    about: Environment | None
    versions: dict[str, str]
    rows: list[StudyRow]
