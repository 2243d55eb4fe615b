"""The whole device: frames in, labelled faces out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from ..errors import check_range
from ..models.preprocess import to_bgr
from .classifier import DEFAULT_MODEL, Classifier
from .faces.finder import TILT, FaceFinder
from .faces.follow import Follower
from .faces.gate import Gate
from .outputs.base import Output, Together
from .sources.base import Source
from .sources.newest import newest
from .sources.open import open_source
from .tracks import Smoothing, Tracker
from .types import Expression, Face, Frame, FrameResult


class Pipeline:
    """Finds the faces in each frame of a source and names their expressions.

        with Pipeline.open("picamera:0", model="ferlite-m-ferplus") as pipeline:
            for result in pipeline:
                for face in result.faces:
                    print(face.track_id, face.label, f"{face.confidence:.2f}")

    Of a live source the newest frame is taken whenever the one before is done; of a clip, every frame.

    Attributes:
        source: Where the frames come from.
        classifier: Classifies the expressions.
        finder: Finds the faces.
    """

    def __init__(
        self,
        source: Source,
        classifier: Classifier,
        *,
        finder: FaceFinder | None = None,
        smoothing: Smoothing | None = None,
        gate: Gate | None = None,
        scan_every: int = 1,
    ):
        """Make a pipeline of parts that are open already; `close` closes the source.

        Args:
            source: Where the frames come from.
            classifier: Classifies the expressions.
            finder: Finds the faces; one with the default options if None.
            smoothing: See `open`.
            gate: See `open`.
            scan_every: See `open`.

        Raises:
            UsageError: `scan_every` is less than 1, or a live source lacks an attribute.
            ModelFormatError: A file of the face models is damaged.
            RuntimeMissingError: No TFLite runtime is installed.
        """
        self.classifier = classifier
        self.finder = finder or FaceFinder()
        self._tracker = Tracker(smoothing)
        self._gate = gate or Gate()
        self._follower = Follower(self.finder, scan_every)
        self._tilt = TILT
        # Last, because it may start a thread.
        self.source = newest(source)

    @classmethod
    def open(
        cls,
        source: str | Path | int = "auto",
        *,
        model: str | Path | Classifier = DEFAULT_MODEL,
        threads: int = 1,
        detector_threads: int | None = None,
        smoothing: Smoothing | None = None,
        gate: Gate | None = None,
        scan_every: int = 1,
        size: tuple[int, int] | None = None,
        rate: float | None = None,
        flip: bool = False,
        rotate: int = 0,
        autofocus: bool = False,
        stall: float = 5.0,
        reopen: int | None = None,
    ) -> Pipeline:
        """Open a source and load a model.

        Args:
            source: As `open_source` takes it: a camera, stream, clip, picture or folder.
            model: Name of a shipped model, path of a .tflite file, or a classifier.
            threads: Threads for one inference.
            detector_threads: Threads of the face models; `threads` if None.
            smoothing: How expressions are smoothed over time; `Smoothing()` if None.
            gate: Which faces are too small, blurred or turned away to be read; `Gate()` if None.
            scan_every: Scan one frame in so many for faces, or when a face is lost, and track the known
                faces between. Faster, but a face that joins others is found up to so many frames late;
                `ferlite bench` measures both.
            size: Width and height in pixels asked of a camera, before turning; 640 x 480 if None.
            rate: Frames a second asked of a camera; of a folder, how fast its pictures follow one another.
            flip: Mirror left and right.
            rotate: Degrees clockwise: 0, 90, 180 or 270.
            autofocus: Let a Pi camera that can focus (Camera Module 3) do so continuously.
            stall: Seconds without a frame after which a camera or stream is opened again.
            reopen: How many attempts in a row to open a lost camera or stream again may fail; None for no
                limit, 0 for no attempt.

        Raises:
            SourceError: The source can't be opened; the message says what was tried.
            ModelFormatError: The model file is damaged or no expression classifier.
            UsageError: An option lies outside its range.
            FerliteError: Whatever else `open_source` and `Classifier.load` raise.
        """
        # The options and the model first: wrong ones are known before a camera is switched on.
        check_range("scan_every", scan_every, 1, unit="frames", whole=True)
        classifier = model if isinstance(model, Classifier) else Classifier.load(model, threads=threads)
        finder = FaceFinder(threads=threads if detector_threads is None else detector_threads)
        opened = open_source(
            source,
            size=size,
            rate=rate,
            flip=flip,
            rotate=rotate,
            autofocus=autofocus,
            stall=stall,
            reopen=reopen,
        )
        try:
            return cls(opened, classifier, finder=finder, smoothing=smoothing, gate=gate, scan_every=scan_every)
        except BaseException:
            opened.close()
            raise

    def __iter__(self) -> Iterator[FrameResult]:
        """Yield the result of each frame until the source ends.

        Raises:
            SourceError: The source broke off, and for good.
        """
        for frame in self.source:
            yield self.process(frame)

    def run(self, *outputs: Output, frames: int | None = None) -> None:
        """Write the result of each frame to every output.

            with Pipeline.open("clip.mp4") as pipeline, JsonLines("clip.jsonl") as lines:
                pipeline.run(lines)

        Returns when the source ends, after `frames`, or when an output is `done`. Outputs stay open:
        close them as any file, or use them in a `with` statement. An exception, Ctrl-C included, ends
        the run at once; then outputs named first may hold one frame more than the others.

        Args:
            outputs: Where results go, in this order.
            frames: Stop after so many frames; None for no limit.

        Raises:
            SourceError: The source broke off, and for good.
            OutputError: An output can't be written.
            UsageError: `frames` is negative or no whole number.
        """
        if frames is not None:
            check_range("frames", frames, 0, sys.maxsize, whole=True)
        together = Together(*outputs)
        for result in islice(self, frames):
            together.write(result)
            if together.done:
                return

    def process(self, frame: Frame) -> FrameResult:
        """Find and name the faces of one frame."""
        if frame.still:
            self._tracker.forget()
            self._follower.scanned([])
        start = time.perf_counter()
        detecting = 0.0
        image = to_bgr(frame.image)
        faces = self._follower.follow(image)
        if faces is None:
            faces, detecting = self._scan(image, frame.still)
            self._follower.scanned(faces)
        aligned = time.perf_counter()
        readings = [self._read(image, face) for face in faces]
        classified = time.perf_counter()
        tracked = tuple(self._tracker.update(faces, readings, frame.time))
        done = time.perf_counter()
        stages = {
            "detect": detecting,
            "landmarks": aligned - start - detecting,
            "classify": classified - aligned,
            "track": done - classified,
        }
        return FrameResult(
            frame=frame,
            faces=tracked,
            stages={name: 1000 * seconds for name, seconds in stages.items()},
            dropped=self.source.dropped,
            damaged=self.source.damaged,
            reopened=self.source.reopened,
        )

    def _scan(self, image: NDArray[np.uint8], still: bool) -> tuple[list[Face], float]:
        """Find faces upright, else tilted; return them and the detector's time in seconds."""
        # Of a moving picture one side a frame: the one where a face was found last, else in turns.
        rolls = (0.0, TILT, -TILT) if still else (0.0, self._tilt)
        faces: list[Face] = []
        detecting = 0.0
        for roll in rolls:
            start = time.perf_counter()
            boxes = self.finder.boxes(image, roll)
            detecting += time.perf_counter() - start
            faces = self.finder.landmarks(image, boxes, roll, still=still)
            if faces:
                return faces, detecting
        self._tilt = -self._tilt
        return faces, detecting

    def _read(self, image: NDArray[np.uint8], face: Face) -> Expression | str:
        crop = self.classifier.crop(image, face)
        return self._gate.refuses(face, crop) or self.classifier.classify(crop)

    def close(self) -> None:
        """Stop capturing and close the source; may be called again."""
        self.source.close()

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
