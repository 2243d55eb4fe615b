"""Labels and events over time: how soon a change is shown, how often labels change, and who is announced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..data.results.device import AnnouncedFaces, EventsResult, LabelDelays
from ..data.results.files import EVENTS_SCHEMA
from ..device.classifier import DEFAULT_MODEL, Classifier
from ..device.events import EventRules, Events
from ..device.recognizer import Recognizer
from ..device.sources.open import open_source
from ..device.sources.virtual import VirtualCamera, VirtualFace
from ..device.tracks import PRESETS, Smoothing, Tracker
from ..device.types import Expression, Face, Frame, TrackedFace
from ..errors import MissingFileError, check_range
from . import machine
from .faces import CLIPS, changes

RATE = 15.0
"""Frames a second: of the drawn faces, and at which frames are counted as seconds."""

CONFIRM = (1, 2, 3, 4, 5, 6)
SETTINGS = {"none": Smoothing(time_constant=0, threshold=0, margin=0, hold=0), **PRESETS}

_BRIEF = 0.5  # seconds; a label that goes sooner can't be read
_HELD = 2.0  # seconds for which the virtual camera keeps an expression after a change

Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

VARIATIONS: dict[str, Change] = {
    "darkened to 40 %": lambda image: (0.4 * image).astype(np.uint8),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    **{f"{scale} times as large": lambda image, s=scale: _scaled(image, s) for scale in (0.75, 0.9, 1.25, 1.5)},
}
"""How clips are varied, since six of them show few faults of the detector."""


@dataclass(frozen=True)
class Seen:
    """What one frame shows, before anything is smoothed: the faces, and what is read of each, or why nothing is."""

    time: float
    faces: list[Face]
    readings: list[list[Expression] | str]


def measure(
    data: str | Path | None = None,
    *,
    model: str | Path = DEFAULT_MODEL,
    persons: int = 10,
    seconds: float = 30.0,
    on_step: Callable[[str], None] = lambda step: None,
) -> EventsResult:
    """Measure what the presets of smoothing and the frames that confirm a face do.

    Args:
        data: Folder with the clips of `CLIPS` in `media/`; None for the drawn faces alone.
        model: Names the expressions.
        persons: Drawn faces, one after another, each before a virtual camera of its own.
        seconds: For how long each is drawn.
        on_step: Called with the name of each step as it begins.

    Returns:
        JSON-ready: see `EventsResult`.

    Raises:
        MissingFileError: The folder lacks a clip.
        UsageError: A number lies outside its range.
    """
    check_range("persons", persons, 1, whole=True)
    check_range("seconds", seconds, 2 * _HELD, 3600, "seconds")
    classifier = Classifier.load(model)
    clips: dict[str, list[Seen]] = {}
    varied: list[tuple[int, list[Seen]]] = []
    for name, faces in (CLIPS if data is not None else {}).items():
        on_step(name)
        frames = _read(Path(data or "") / "media" / name)
        clips[name] = look(frames, classifier)
        for variation, change in VARIATIONS.items():
            on_step(f"{name}, {variation}")
            pictures = (Frame(change(frame.image), frame.index, frame.time) for frame in frames)
            varied.append((faces, look(pictures, classifier)))
    drawn: list[tuple[list[Seen], list[VirtualFace]]] = []
    for seed in range(persons):
        on_step(f"drawn faces: {seed + 1} of {persons}")
        camera = VirtualCamera(rate=RATE, seed=seed, frames=round(seconds * RATE))
        drawn.append((look(camera, classifier), [camera.truth(i)[0] for i in range(camera.frames or 0)]))
    return {
        "schema": EVENTS_SCHEMA,
        **machine.describe(),
        "model": str(model),
        "persons": persons,
        "seconds": seconds,
        "smoothing": [delays(name, setting, drawn, clips) for name, setting in SETTINGS.items()],
        "confirm": [
            announced(frames, [(CLIPS[name], seen) for name, seen in clips.items()], varied) for frames in CONFIRM
        ]
        if clips
        else [],
    }


def look(frames: Iterable[Frame], classifier: Classifier) -> list[Seen]:
    """Find and read the faces of each frame, unsmoothed."""
    recognizer = Recognizer([classifier])
    results = ((frame.time, recognizer(frame)[0]) for frame in frames)
    return [
        Seen(time, [each.face for each in faces], [[each.raw] if each.raw else each.unreadable for each in faces])
        for time, faces in results
    ]


def delays(
    name: str,
    smoothing: Smoothing,
    drawn: Sequence[tuple[list[Seen], list[VirtualFace]]],
    clips: dict[str, list[Seen]],
) -> LabelDelays:
    """Measure how soon drawn changes are shown with a smoothing, and how often the labels change.

    A change begins where the new expression outweighs the former one in what is drawn. It counts where the new one
    stays for its 2 s, and is shown if the face has its label before the next change.
    """
    taken: list[float] = []
    counted = given = brief = 0
    minutes = 0.0
    for seen, truth in drawn:
        labels = [faces[0].label if faces else "" for faces in replay(seen, smoothing)]
        names = [face.label for face in truth]
        for start, end in pairwise([*_turns(names), len(names)]):
            if (end - start) / RATE < _HELD:
                continue
            counted += 1
            at = next((i for i in range(start, end) if labels[i] == names[start]), None)
            if at is not None:
                taken.append((at - start) / RATE)
        turns = _turns(labels)
        given += len(turns)
        brief += sum((after - before) / RATE < _BRIEF for before, after in pairwise(turns))
        minutes += len(labels) / RATE / 60
    return {
        "smoothing": name,
        "changes": counted,
        "shown": len(taken),
        "median": float(np.median(taken)) if taken else None,
        "p90": float(np.quantile(taken, 0.9)) if taken else None,
        "labels_per_minute": given / minutes,
        "brief_per_minute": brief / minutes,
        "clips": {clip: _changes_per_minute(seen, smoothing) for clip, seen in clips.items()},
    }


def replay(seen: Sequence[Seen], smoothing: Smoothing) -> list[list[TrackedFace]]:
    """Track and smooth what was seen."""
    tracker = Tracker(["model"], smoothing)
    return [tracker.update(each.faces, each.readings, each.time) for each in seen]


def announced(
    confirm: int, clips: Sequence[tuple[int, list[Seen]]], varied: Sequence[tuple[int, list[Seen]]]
) -> AnnouncedFaces:
    """Count whom the events announce who is not there, and how soon they announce who is.

    Everybody in these clips is there from the first frame to the last. So a number that is seen in less than half
    of the frames is a hand, a second box on a face, or somebody who was lost and counted again.

    Args:
        confirm: Frames in a row.
        clips: How many faces each clip shows, and what was seen in it.
        varied: The same of clips that were changed.
    """
    as_they_are = [_announced(confirm, *clip) for clip in clips]
    return {
        "confirm": confirm,
        "false": sum(false for false, _ in as_they_are),
        "false_varied": sum(_announced(confirm, *clip)[0] for clip in varied),
        "people": sum(len(frames) for _, frames in as_they_are),
        "delay": max((frame / RATE for _, frames in as_they_are for frame in frames), default=None),
    }


def _announced(confirm: int, people: int, seen: Sequence[Seen]) -> tuple[int, list[int]]:
    """Return how many are announced who are not there, and the frames in which those who are there are."""
    events = Events(EventRules(confirm=confirm))
    tracked = replay(seen, Smoothing())
    frames = Counter(face.track_id for faces in tracked for face in faces)
    there = {number for number, count in frames.most_common(people) if count >= len(seen) / 2}
    at = {
        event.track_id: place
        for place, (faces, each) in enumerate(zip(tracked, seen, strict=True))
        for event in events.update(faces, each.time, each.time)
        if event.kind == "appeared"
    }
    return len(at.keys() - there), [at[number] for number in there if number in at]


def _changes_per_minute(seen: Sequence[Seen], smoothing: Smoothing) -> float:
    """Return how often a face's label changes in a minute of its being seen."""
    labels: dict[int, list[str]] = {}
    for faces in replay(seen, smoothing):
        for face in faces:
            labels.setdefault(face.track_id, []).append(face.label)
    frame = (seen[-1].time - seen[0].time) / max(1, len(seen) - 1)
    minutes = frame * sum(map(len, labels.values())) / 60
    return sum(map(changes, labels.values())) / minutes if minutes else 0.0


def _turns(labels: Sequence[str]) -> list[int]:
    """Return where a label differs from the one before."""
    return [i for i in range(1, len(labels)) if labels[i] != labels[i - 1]]


def _read(path: Path) -> list[Frame]:
    try:
        with open_source(path) as source:
            return list(source)
    except MissingFileError as error:
        raise MissingFileError(f"there is no {path}; --data wants a folder with the clips in media/") from error


def _scaled(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
