"""Scores on labelled faces."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from .environment import Environment, Interval, ModelFacts


class ScoreFields(TypedDict):
    """`data.metrics.Scores` as JSON; `confusion` counts [true][predicted], in the order of `recall`."""

    count: int
    accuracy: float
    interval: Interval
    balanced_accuracy: float
    macro_f1: float
    recall: dict[str, float | None]
    confusion: list[list[int]]


class ReliabilityBin(TypedDict):
    """Faces named with a confidence from `low` to `high`: their count, mean confidence and accuracy."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


class ModelScores(ModelFacts, ScoreFields):
    """A model's scores; `right` is a bit for each face, packed to base64 (see `benchmarks.accuracy.unpacked`)."""

    parameters: int
    calibration_error: float
    reliability: list[ReliabilityBin]
    right: str


class PairedScores(TypedDict):
    """The second of two files against the first on the same faces; `difference` is its accuracy less the first's."""

    models: list[str]
    agreement: float
    only_first_right: int
    only_second_right: int
    mcnemar_p: float
    difference: float
    difference_interval: Interval


class Scoring(TypedDict):
    """Each model, and each against each."""

    models: list[ModelScores]
    pairs: list[PairedScores]


class ScoringWithoutDuplicates(Scoring):
    """The same without the `duplicates`, faces that are pixel-identical to a training face."""

    duplicates: int


class DataFacts(TypedDict):
    """A data set and how many of its faces were used; `sha256` is the data set's."""

    name: str
    sha256: str
    faces: int


class ScoredData(DataFacts):
    """The faces that were scored.

    `labels` are those that were chosen, empty for all. `groups` counts persons and identical pictures, None where
    each face stands alone.
    """

    split: str
    labels: list[str]
    groups: int | None


class FaceSample(TypedDict):
    """A drawn face and what the first two models answered.

    `row` is its row in the data set `eigenfaces`, from which it is drawn again; `sha256` is that of its pixels.
    """

    row: int
    sha256: str
    label: str
    answers: list[str]


class AccuracyResult(Environment, Scoring):
    """`ferlite bench accuracy`; only drawn faces may be shown, so only they have `samples`."""

    schema: Literal["ferlite-accuracy/3"]
    data: ScoredData
    samples: list[FaceSample]
    without_duplicates: NotRequired[ScoringWithoutDuplicates]


class FinalScore(TypedDict):
    """A line of the log of test-split scores; lines of old lack what is not required."""

    date: str
    data: ScoredData
    model: str
    scheme: str
    model_sha256: str
    accuracy: float
    interval: Interval
    macro_f1: float
    calibration_error: NotRequired[float]
    recall: NotRequired[dict[str, float | None]]
    confusion: NotRequired[list[list[int]]]
    accuracy_without_duplicates: float | None


class CalibrationErrors(TypedDict):
    """Expected calibration error, before and after the logits are divided by the temperature."""

    before: float
    after: float


class RecordedScores(TypedDict):
    """Scores of one scheme in a model file's record (`accuracy.validation.SCHEME`)."""

    accuracy: float
    interval: Interval
    balanced_accuracy: float
    macro_f1: float
    recall: dict[str, float | None]
    confusion: list[list[int]]
    calibration_error: CalibrationErrors
