"""The device at work: its pipeline, how faces are found, the limits of what is read, and what ferlite takes."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from .accuracy import DataFacts
from .environment import Disturbance, Environment, Interval


class SourceFacts(TypedDict):
    """A source: `size` is width and height in pixels, `rate` in frames a second."""

    spec: str
    live: bool
    size: list[int]
    rate: float | None


class ModelName(TypedDict):
    """The model of a pipeline."""

    name: str
    scheme: str


class StageTimes(TypedDict):
    """Time of a stage in a frame."""

    p50: float
    p90: float


class MemoryUse(TypedDict):
    """Memory in 10^6 bytes: at the first frame, once it should have `settled`, at the end; `samples` by frame."""

    start: float
    settled: float | None
    end: float
    growth: float | None
    samples: list[tuple[int, float]]


class Overhead(TypedDict):
    """Medians of CPU time in milliseconds of a frame.

    `detector`, `landmarker` and `classifier` are of one inference, `networks` the sum of those that a frame needs,
    `ratio` that of pipeline and networks, `faces` the mean number in a frame.
    """

    pipeline: float | None
    networks: float | None
    ratio: float
    faces: float
    detector: float | None
    landmarker: float | None
    classifier: float | None
    frames: int


class PipelineResult(Environment, Disturbance):
    """`ferlite bench pipeline`; 100 `cpu_percent` are one core, `age_ms` is from capture to result."""

    schema: str
    source: SourceFacts
    model: ModelName
    frames: int
    faces_per_frame: float
    seconds: float
    fps: float | None
    dropped: int
    dropped_share: float
    stages: dict[str, StageTimes]
    age_ms: StageTimes | None
    cpu_percent: float | None
    memory: MemoryUse | None
    overhead: NotRequired[Overhead | None]


class PhotoCounts(TypedDict):
    """Annotated faces on photos, boxes that hit one, and boxes that hit none; see `benchmarks.faces.photos`."""

    faces: int
    hits: int
    false_alarms: int
    views: int
    view_false_alarms: int


class ClipCounts(TypedDict):
    """A clip with so many `faces` in each frame.

    `exact` is the share of frames with just as many found, `tracks` the number of track ids, `unreadable` and
    `uncertain` shares of the faces found; a label changes so often a minute and face, with smoothing and without.
    """

    clip: str
    frames: int
    faces: int
    exact: float
    tracks: int
    unreadable: float
    uncertain: float
    changes_per_minute: float | None
    raw_changes_per_minute: float | None


class DetectorCounts(TypedDict):
    """A face detector on photos and clips."""

    detector: str
    photos: PhotoCounts
    clips: list[ClipCounts]


class PastedScores(TypedDict):
    """Faces pasted into frames, turned by `roll` degrees against the clock.

    `refused` is the share of the found that the gate refuses; `direct` and `device` are accuracies on the found,
    given as they are and cut by the device, `loss` their difference. `landmarks_in_box` are (x, y) of five means.
    """

    roll: float
    landmarks_in_box: list[list[float]]
    faces: int
    found: float
    found_interval: Interval
    refused: float | None
    direct: float | None
    device: float | None
    loss: float | None
    loss_interval: Interval | None


class FacesResult(Environment):
    """`ferlite bench faces`; `crop` says where the model's crop was measured."""

    schema: str
    model: str
    scan_every: int
    crop: str
    detectors: list[DetectorCounts]
    pasted: list[PastedScores]


class LabelDelays(TypedDict):
    """Labels under one `smoothing`.

    Of so many `changes` of drawn expressions, those that were `shown`, and the seconds that it took. The drawn faces'
    labels change so often a minute, and so many of these last for under half a second; of each clip, the changes in
    a minute of a face.
    """

    smoothing: str
    changes: int
    shown: int
    median: float | None
    p90: float | None
    labels_per_minute: float
    brief_per_minute: float
    clips: dict[str, float]


class AnnouncedFaces(TypedDict):
    """Who is announced on the clips after `confirm` frames in a row.

    `false` are announced without being there, `false_varied` on the clips mirrored and scaled; `people` are there and
    announced, the last of them after `delay` seconds at 15 frames a second.
    """

    confirm: int
    false: int
    false_varied: int
    people: int
    delay: float | None


class EventsResult(Environment):
    """`ferlite bench events`: drawn `persons`, each for so many `seconds`, and the clips."""

    schema: str
    model: str
    persons: int
    seconds: float
    smoothing: list[LabelDelays]
    confirm: list[AnnouncedFaces]


class FacesNamed(TypedDict):
    """How many faces, and the accuracy on them; None without any."""

    faces: int
    accuracy: float | None
    interval: Interval | None


class BySize(FacesNamed):
    """Faces made so many pixels wide and enlarged again."""

    pixels: int


class ByBlur(FacesNamed):
    """Faces under a Gaussian of `sigma` pixels of 48: median `sharpness`, and the share that the gate refuses."""

    sigma: float
    sharpness: float
    refused: float


class ByTurn(FacesNamed):
    """Faces turned by `low` to `high` (None: without end), as `device.faces.gate.turn` measures it."""

    low: float
    high: float | None


class ByConfidence(FacesNamed):
    """Faces named with a confidence of `threshold` or more, and their share."""

    threshold: float
    coverage: float


class GateLimits(TypedDict):
    """The device's limits: `device.faces.gate.Gate`, and the threshold of `device.tracks.Smoothing`."""

    min_face: float
    min_sharpness: float
    max_turn: float
    threshold: float


class GatesResult(Environment):
    """`ferlite bench gates`."""

    schema: str
    model: str
    data: DataFacts
    sizes: list[BySize]
    blurs: list[ByBlur]
    turns: list[ByTurn]
    thresholds: list[ByConfidence]
    limits: GateLimits


class FootprintLimits(TypedDict):
    """What ferlite means to stay under, on a workstation."""

    import_ms: float
    first_result_ms: float
    peak_rss_bytes: int


class FootprintResult(Environment):
    """`ferlite bench footprint`: bytes on the disk by package, milliseconds to start, peak of resident memory."""

    schema: str
    model: str
    runs: int
    limits: FootprintLimits
    installed_bytes: int
    packages: dict[str, int]
    python_ms: float
    import_ms: float
    first_result_ms: float
    peak_rss_bytes: int
