"""What int8 cost a network: the error of each layer, and how accuracy depends on the calibration set."""

from __future__ import annotations

from typing import TypedDict


class LayerErrorFields(TypedDict):
    """What one layer lost, in decibels: `sqnr` signal to quantization noise of its output, `lost` its own share."""

    name: str
    operator: str
    sqnr: float
    lost: float


class InspectionResult(TypedDict):
    """`ferlite convert --inspect`: layers in the order they run, and the share of float's layers `matched`."""

    schema: str
    model: str
    scheme: str
    faces: int
    matched: float
    layers: list[LayerErrorFields]


class CalibrationDraws(TypedDict):
    """Accuracy of int8 for each draw of so many calibration faces; `spread` is the draws' standard deviation."""

    faces: int
    mean: float
    spread: float
    int8: list[float]


class SensitivityResult(TypedDict):
    """`ferlite convert --sensitivity`; `float32` is the accuracy of the float graph."""

    schema: str
    model: str
    method: str
    kept_float: list[str]
    seeds: int
    validation_faces: int
    float32: float
    rows: list[CalibrationDraws]
