"""Finding, following and naming faces on photos, clips and pasted faces."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from ..data.load import load_dataset
from ..data.results.device import ClipCounts, DetectorCounts, FacesResult, PhotoCounts
from ..data.results.files import FACES_SCHEMA
from ..device.classifier import FER2013_MODEL, Classifier
from ..device.faces.boxes import iou
from ..device.faces.finder import FaceFinder
from ..device.pipeline import Pipeline
from ..device.recognizer import Recognizer
from ..device.sources.open import open_source
from ..device.types import UNCERTAIN, UNREADABLE, Box, FrameResult
from ..errors import DataError, MissingFileError, check_name
from ..models.files import read_bytes, write_bytes
from ..models.pictures import read_picture
from . import accuracy, machine, pasted_faces

CLIPS = {
    "head-pose-face-detection-female-and-male.gif": 2,
    "head-pose-face-detection-male.gif": 1,
    "classroom.gif": 4,
    "asl_gestures_again.mkv": 1,
    "asl_gestures_book.mkv": 1,
    "asl_gestures_yes.mkv": 1,
}
"""How many faces each clip shows in each of its frames."""

LEAST_OVERLAP = 0.4
"""Of a box and an annotated face, intersection over union, to count as found."""

ROLLS = (0.0, 20.0, -20.0)
"""Degrees by which pasted faces are turned."""

_VIEWS = (1, 2, 3, 4)  # parts of a photo's side that are looked at enlarged
_MEAN_PICTURE = "mean-faces.png"


def measure(
    data: str | Path,
    *,
    model: str | Path = FER2013_MODEL,
    detectors: Sequence[str | Path] = ("yunet",),
    rolls: Sequence[float] = ROLLS,
    limit: int | None = None,
    scan_every: int = 1,
    out: str | Path | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> FacesResult:
    """Measure how well faces are found, followed and cut.

    Args:
        data: Folder with `fer2013.csv`, `media/voc_faces/` (photos and `boxes.csv`: file, x1, y1, x2,
            y2 of each face) and the clips of `CLIPS` in `media/`.
        model: Names the expressions.
        detectors: Shipped models or files with YuNet's outputs, each measured on photos and clips;
            the first also on pasted faces.
        rolls: Degrees by which faces of FER2013's PublicTest are turned when they are pasted.
        limit: Paste only the first so many.
        scan_every: Of clips, as `Pipeline.open` takes it.
        out: Folder for the mean face beside the mean crop of the upright faces.
        on_step: Called with the name of each step as it begins.

    Returns:
        JSON-ready: `detectors` with `photos` (see `photos`) and `clips` (see `clip`), and `pasted` by
        roll (see `pasted_faces.measure`).

    Raises:
        MissingFileError: The folder lacks one of these files.
        DataError: One of them can't be read.
        OutputError: `out` can't be written.
    """
    data = Path(data)
    classifier = Classifier.load(model)
    rows: list[DetectorCounts] = []
    for detector in detectors:
        finder = FaceFinder(detector=detector)
        on_step(f"{detector}: photos")
        row: DetectorCounts = {
            "detector": str(detector),
            "photos": photos(data / "media" / "voc_faces", finder),
            "clips": [],
        }
        for name, faces in CLIPS.items():
            on_step(f"{detector}: {name}")
            row["clips"].append(clip(data / "media" / name, faces, classifier, finder, scan_every))
        rows.append(row)
    dataset = load_dataset(data / "fer2013.csv")
    faces = dataset.split("validation")
    if limit is not None:
        faces = faces[np.arange(min(limit, len(faces)))]
    labels = accuracy.translated(faces, dataset, classifier)
    finder = FaceFinder(detector=detectors[0])
    pasted_rows = []
    for roll in rolls:
        on_step(f"pasted faces, turned by {roll:g} degrees")
        seen = pasted_faces.look(faces, roll, finder, classifier)
        pasted_rows.append(pasted_faces.measure(roll, seen, faces, labels, classifier))
        if out is not None and roll == 0 and seen.found.any():
            picture = cv2.imencode(".png", pasted_faces.means(seen, faces))[1]
            write_bytes(Path(out) / _MEAN_PICTURE, picture.tobytes())
    return {
        "schema": FACES_SCHEMA,
        **machine.describe(),
        "model": str(model),
        "scan_every": scan_every,
        "crop": classifier.record.crop.source if classifier.record.crop else "",
        "detectors": rows,
        "pasted": pasted_rows,
    }


def photos(folder: Path, finder: FaceFinder) -> PhotoCounts:
    """Look for annotated faces on photos.

    Args:
        folder: Photos and `boxes.csv`.
        finder: Finds them.

    Returns:
        JSON-ready: `faces`; `hits`, boxes that overlap an annotated face by `LEAST_OVERLAP` or more, one
        for each; `false_alarms`, all other boxes; and over the photos and their enlarged quarters,
        ninths and sixteenths, `views`, `view_false_alarms`: faces that touch no annotated one.

    Raises:
        MissingFileError: There is no `boxes.csv`, or no photo that it names.
        DataError: It is damaged, or a photo does not decode.
    """
    hits = false_alarms = views = view_alarms = 0
    truths = _annotated(folder / "boxes.csv")
    for name, boxes in truths.items():
        image = read_picture(folder / name)
        found = [face.box for face in finder.find(image)]
        for truth in boxes:
            best = max(found, key=lambda box: iou(box, truth), default=None)
            if best is not None and iou(best, truth) >= LEAST_OVERLAP:
                hits += 1
                found.remove(best)
        false_alarms += len(found)
        height, width = image.shape[:2]
        for parts in _VIEWS:
            for place in range(parts**2):
                left, top = place % parts * width // parts, place // parts * height // parts
                view = image[top : top + height // parts, left : left + width // parts]
                views += 1
                for face in finder.find(view):
                    x, y, wide, high = face.box
                    view_alarms += not any(iou((x + left, y + top, wide, high), truth) for truth in boxes)
    return {
        "faces": sum(map(len, truths.values())),
        "hits": hits,
        "false_alarms": false_alarms,
        "views": views,
        "view_false_alarms": view_alarms,
    }


def clip(path: Path, faces: int, classifier: Classifier, finder: FaceFinder, scan_every: int = 1) -> ClipCounts:
    """Run the pipeline on a clip.

    Args:
        path: The clip.
        faces: How many faces each of its frames shows.
        classifier: Names the expressions.
        finder: Finds the faces.
        scan_every: As `Pipeline.open` takes it.

    Returns:
        JSON-ready counts and shares.

    Raises:
        MissingFileError: There is no such clip.
    """
    if not path.exists():
        raise MissingFileError(f"there is no {path}; --data wants a folder with fer2013.csv and media/")
    with Pipeline(open_source(path), Recognizer([classifier], finder=finder, scan_every=scan_every)) as pipeline:
        results = [(result.frame.time, len(result.faces), _labels(result)) for result in pipeline]
    counts = [count for _, count, _ in results]
    seen = [label for _, _, labels in results for label in labels.values()]
    smooth: dict[int, list[str]] = defaultdict(list)
    raw: dict[int, list[str]] = defaultdict(list)
    for _, _, labels in results:
        for number, (stable, single) in labels.items():
            smooth[number].append(stable)
            raw[number].append(single)
    frame = (results[-1][0] - results[0][0]) / max(1, len(results) - 1)
    minutes = frame * len(seen) / 60
    kinds = Counter(stable for stable, _ in seen)
    return {
        "clip": path.name,
        "frames": len(results),
        "faces": faces,
        "exact": counts.count(faces) / len(results),
        "tracks": len(smooth),
        "unreadable": kinds[UNREADABLE] / max(1, len(seen)),
        "uncertain": kinds[UNCERTAIN] / max(1, len(seen)),
        "changes_per_minute": sum(map(changes, smooth.values())) / minutes if minutes else None,
        "raw_changes_per_minute": sum(map(changes, raw.values())) / minutes if minutes else None,
    }


def changes(labels: Sequence[str]) -> int:
    """Count how often a label differs from the one before."""
    return sum(a != b for a, b in pairwise(labels))


def _labels(result: FrameResult) -> dict[int, tuple[str, str]]:
    """Return the stable label and that of the frame alone, by the face's number."""
    return {face.track_id: (face.label, face.raw.label if face.raw else UNREADABLE) for face in result.faces}


def _annotated(path: Path) -> dict[str, list[Box]]:
    boxes: defaultdict[str, list[Box]] = defaultdict(list)
    try:
        for row in csv.DictReader(read_bytes(path).decode().splitlines()):
            x1, y1, x2, y2 = (int(row[key]) for key in ("x1", "y1", "x2", "y2"))
            boxes[check_name("picture", row["file"])].append((x1, y1, x2 - x1, y2 - y1))
    except MissingFileError as error:
        raise MissingFileError(f"{error}; --data wants a folder with media/") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise DataError(f"{path} is no table of file, x1, y1, x2, y2 ({error})") from error
    return boxes
