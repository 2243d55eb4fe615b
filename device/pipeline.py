"""The whole device: frames in, labelled faces and events out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UsageError, check_type
from .classifier import DEFAULT_MODEL, Classifier
from .events import EventRules
from .faces.finder import FaceFinder
from .faces.gate import Gate
from .recognizer import Recognizer
from .runner import Runner
from .sources.base import Source
from .sources.open import open_source
from .tracks import Smoothing
from .view import View

Model = str | Path | Classifier
"""Name of a shipped model, path of a .tflite file, or a classifier."""


class Pipeline(Runner):
    """Finds the faces in each frame of a source and names their expressions.

        with Pipeline.open("picamera:0", model="ferlite-m-ferplus") as pipeline:
            for result in pipeline:
                for face in result.faces:
                    print(face.track_id, face.label, f"{face.confidence:.2f}")

    Of a live source the newest frame is taken whenever the one before is done; of a clip, every frame. Frames of
    your own go to `process`, or through a `PushSource`. What happens comes from `events`, and to the functions
    that are set as `when_appeared`, `when_left`, `when_changed`, `when_held` and `when_state`.

    In asyncio: `async with await asyncio.to_thread(Pipeline.open, ...) as pipeline`, and in it
    `async for result in pipeline.stream()` or `async for event in pipeline.events()`.

    Attributes:
        source: Where the frames come from.
        classifiers: Classify the expressions, by the name of their model.
        classifier: The first of them.
        finder: Finds the faces.
    """

    @classmethod
    def open(
        cls,
        source: str | Path | int | Source | None = "auto",
        *,
        model: Model | Sequence[Model] = DEFAULT_MODEL,
        threads: int = 1,
        detector_threads: int | None = None,
        smoothing: Smoothing | str = "calm",
        gate: Gate | None = None,
        scan_every: int = 1,
        rules: EventRules | None = None,
        fov: float | None = None,
        size: tuple[int, int] | None = None,
        rate: float | None = None,
        flip: bool = False,
        rotate: int = 0,
        autofocus: bool = False,
        stall: float = 5.0,
        reopen: int | None = None,
        wait: bool = False,
        max_rate: float | None = None,
    ) -> Pipeline:
        """Open a source and load a model.

        Args:
            source: As `open_source` takes it: a camera, stream, clip, picture or folder. A `Source` of your own
                is taken as it is, without `size` and the options below it, and closed with the pipeline. None if you
                hand frames to `process`.
            model: Name of a shipped model, path of a .tflite file, or a classifier. Or several of them: each face
                is found once and read by all; the first one's labels are the face's own, `readings` has all.
            threads: Threads for one inference.
            detector_threads: Threads of the face models; `threads` if None.
            smoothing: How expressions are smoothed over time: "quick", "calm", "steady" or a `Smoothing`.
            gate: Which faces are too small, blurred or turned away to be read; `Gate()` if None.
            scan_every: Scan one frame in so many for faces, or when a face is lost, and track the known
                faces between. Faster, but a face that joins others is found up to so many frames late;
                `ferlite bench` measures both.
            rules: What counts as an event; `EventRules()` if None.
            fov: Horizontal field of view of the camera in degrees, which gives each face its `direction`.
            size: Width and height in pixels asked of a camera, before turning; 640 x 480 if None.
            rate: Frames a second asked of a camera; of a folder, how fast its pictures follow one another.
            flip: Mirror left and right.
            rotate: Degrees clockwise: 0, 90, 180 or 270.
            autofocus: Let a Pi camera that can focus (Camera Module 3) do so continuously.
            stall: Seconds without a frame after which a camera or stream is opened again.
            reopen: How many attempts in a row to open a lost camera or stream again may fail; None for no
                limit, 0 for no attempt.
            wait: Return at once, and wait for a camera or stream that is not there yet while frames are asked
                for.
            max_rate: Frames a second that are looked at, at most, 0.1 to 1000; those of a live source in between
                are dropped and counted, those of a clip are all looked at.

        Raises:
            SourceError: The source can't be opened; the message says what was tried.
            ModelFormatError: The model file is damaged or no expression classifier.
            UsageError: An option lies outside its range, is of another type, or is for sources that are opened here.
            FerliteError: Whatever else `open_source` and `Classifier.load` raise.
        """
        # The options and the models first: wrong ones are known before a camera is switched on.
        check_type("source", source, str | Path | int | Source | None, "a name, path or number, a Source, or None")
        check_type("rules", rules, EventRules | None, "EventRules, for instance EventRules(held={'happy': 1.0})")
        models = model if isinstance(model, Sequence) and not isinstance(model, str) else [model]
        for each in models:
            check_type("model", each, Model, "a name, a path, a Classifier, or a list of them")
        asked: dict[str, Any] = {
            "size": size,
            "rate": rate,
            "flip": flip,
            "rotate": rotate,
            "autofocus": autofocus,
            "stall": stall,
            "reopen": reopen,
            "wait": wait,
        }
        if source is None and max_rate is not None:
            raise UsageError("max_rate: for frames that are read, not for those handed to process(); leave it out")
        if source is None or isinstance(source, Source):
            defaults = open_source.__kwdefaults__ or {}
            useless = [name for name, value in asked.items() if value != defaults[name]]
            if useless:
                raise UsageError(f"{', '.join(useless)}: for a source that is opened by its name; leave them out")
        view = View(fov, turned=rotate in (90, 270), mirrored=flip)
        recognizer = Recognizer(
            [each if isinstance(each, Classifier) else Classifier.load(each, threads=threads) for each in models],
            finder=FaceFinder(threads=threads if detector_threads is None else detector_threads),
            smoothing=Smoothing.named(smoothing) if isinstance(smoothing, str) else smoothing,
            gate=gate,
            scan_every=scan_every,
            view=view,
        )
        pipeline = cls(None, recognizer, rules=rules, max_rate=max_rate)
        if isinstance(source, (str, Path, int)):
            source = open_source(source, **asked)
        if source is not None:
            pipeline._read_from(source)
        return pipeline
