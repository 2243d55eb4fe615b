"""From a frame to faces with their expressions over time."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..models.preprocess import to_bgr
from .classifier import Classifier
from .faces.finder import TILT, FaceFinder
from .faces.follow import Follower
from .faces.gate import Gate
from .tracks import Smoothing, Tracker
from .types import Expression, Face, Frame, TrackedFace
from .view import View


class Recognizer:
    """Finds the faces of one frame after another, and names their expressions.

    Attributes:
        classifiers: Classify the expressions, by the name of their model.
        finder: Finds the faces.

    Args:
        classifiers: At least one; the first one's labels are the faces' own.
        finder: Finds the faces; one with the default options if None.
        smoothing: How expressions are smoothed over time; `Smoothing()` if None.
        gate: Which faces can't be read; `Gate()` if None.
        scan_every: Scan one frame in so many for faces, and track the known ones between.
        view: Gives each face its direction; `View()` if None.

    Raises:
        UsageError: `scan_every` is less than 1, there is no classifier, or two have the same name.
    """

    def __init__(
        self,
        classifiers: Sequence[Classifier],
        *,
        finder: FaceFinder | None = None,
        smoothing: Smoothing | None = None,
        gate: Gate | None = None,
        scan_every: int = 1,
        view: View | None = None,
    ) -> None:
        self.classifiers = _by_name(classifiers)
        self.finder = finder or FaceFinder()
        self._tracker = Tracker(list(self.classifiers), smoothing)
        self._gate = gate or Gate()
        self._follower = Follower(self.finder, scan_every)
        self._view = view or View()
        self._tilt = TILT
        self._shape: tuple[int, ...] = ()

    @property
    def keep(self) -> float:
        """Seconds for which a face may be out of sight and keep its number."""
        return self._tracker.smoothing.keep

    def __call__(self, frame: Frame) -> tuple[tuple[TrackedFace, ...], dict[str, float]]:
        """Find and name the faces of a frame.

        Returns:
            The faces, largest first, and milliseconds by stage: detect, landmarks, classify, track.

        Raises:
            DataError: The frame's image has another shape or dtype than can be read.
        """
        image = to_bgr(frame.image)
        if frame.still:
            self._tracker.forget()
        if frame.still or image.shape != self._shape:
            self._follower.scanned([])
        self._shape = image.shape
        start = perf_counter()
        detecting = 0.0
        faces = self._follower.follow(image)
        if faces is None:
            faces, detecting = self._scan(image, frame.still)
            self._follower.scanned(faces)
        aligned = perf_counter()
        readings = [self._read(image, face) for face in faces]
        classified = perf_counter()
        size = image.shape[1], image.shape[0]
        tracked = tuple(self._view.placed(face, size) for face in self._tracker.update(faces, readings, frame.time))
        stages = {
            "detect": detecting,
            "landmarks": aligned - start - detecting,
            "classify": classified - aligned,
            "track": perf_counter() - classified,
        }
        return tracked, {name: 1000 * seconds for name, seconds in stages.items()}

    def _scan(self, image: NDArray[np.uint8], still: bool) -> tuple[list[Face], float]:
        """Find faces upright, else tilted; return them and the detector's time in seconds."""
        # Of a moving picture one side a frame: the one where a face was found last, else in turns.
        rolls = (0.0, TILT, -TILT) if still else (0.0, self._tilt)
        faces: list[Face] = []
        detecting = 0.0
        for roll in rolls:
            start = perf_counter()
            boxes = self.finder.boxes(image, roll)
            detecting += perf_counter() - start
            faces = self.finder.landmarks(image, boxes, roll, still=still)
            if faces:
                return faces, detecting
        self._tilt = -self._tilt
        return faces, detecting

    def _read(self, image: NDArray[np.uint8], face: Face) -> list[Expression] | str:
        """Return what each model reads, or why the face can't be read."""
        crops = [(classifier, classifier.crop(image, face)) for classifier in self.classifiers.values()]
        return self._gate.refuses(face, crops[0][1]) or [classifier.classify(crop) for classifier, crop in crops]


def _by_name(classifiers: Sequence[Classifier]) -> dict[str, Classifier]:
    named = {classifier.record.name: classifier for classifier in classifiers}
    if not named:
        raise UsageError("no model is given; name one at least")
    if len(named) < len(classifiers):
        raise UsageError(f"two of the models are called {', '.join(named)}; results are told apart by these names")
    return named
