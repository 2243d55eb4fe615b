"""Time of single inferences, and of a first one."""

from __future__ import annotations

from typing import Literal, TypedDict

from .environment import Disturbance, Environment, Interval, ModelFacts


class FrameTimes(TypedDict):
    """Time of a frame with so many faces, one inference for each."""

    faces: int
    p50: float
    p50_interval: Interval
    p90: float


class Histogram(TypedDict):
    """Counts over equal bins from `start`, each `step` wide, and how many lie `above` the last; milliseconds."""

    start: float
    step: float
    counts: list[int]
    above: int


class ModelTimes(ModelFacts):
    """Time of one inference, over so many `queries`.

    `us_per_mmac` is the median in microseconds for a million multiply-accumulates, `peak_share` the share of the
    machine's own convolution peak.
    """

    threads: int
    queries: int
    p50: float
    p50_interval: Interval
    p90: float
    p90_interval: Interval
    p99: float
    p99_interval: Interval
    faces: list[FrameTimes]
    histogram: Histogram
    us_per_mmac: float | None
    peak_share: float | None


class PairedTimes(TypedDict):
    """Time of the second of two files over that of the first: median over turns taken side by side."""

    models: list[str]
    threads: int
    median_ratio: float
    ratio_interval: Interval


class Peak(TypedDict):
    """The fastest convolution on this machine, in 10^9 multiply-accumulates a second."""

    scheme: str
    threads: int
    shape: str
    xnnpack: bool
    gmacs_per_s: float


class ColdStart(TypedDict):
    """Medians over `runs` fresh processes, and their largest memory in 10^6 bytes.

    `import_ms`: numpy and the runtime; `first_ms`: first inference; `process_ms`: all of the process, Python's own
    start and end included.
    """

    import_ms: float
    load_ms: float
    first_ms: float
    process_ms: float
    peak_rss_mb: float | None
    runs: int


class ModelStart(ColdStart):
    """Cold start of a file."""

    file: str


class LatencyResult(Environment, Disturbance):
    """`ferlite bench latency`."""

    schema: Literal["ferlite-latency/2"]
    threads: list[int]
    models: list[ModelTimes]
    pairs: list[PairedTimes]
    peaks: list[Peak]
    starts: list[ModelStart]
