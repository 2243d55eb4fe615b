"""The program that is tried: a pipeline on a faulty camera, with everything on, as a service runs it.

It reads commands from standard input, a JSON object a line, and says how it is on standard output, ten times a
second. It ends by SIGTERM, or with its input.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from threading import Thread, Timer
from threading import enumerate as enumerate_threads

from camera import FaultyCamera, Trouble

from ferlite import (
    AnnotatedVideo,
    Classifier,
    Counts,
    CsvRows,
    EventRules,
    JsonLines,
    LivePage,
    Mqtt,
    Pipeline,
)
from ferlite.cli.signals import Stopping
from ferlite.device.faces.finder import FaceFinder
from ferlite.device.outputs.json_lines import EventLines
from ferlite.device.outputs.rotation import Rotation
from ferlite.device.recognizer import Recognizer
from ferlite.device.sensors import celsius
from ferlite.device.service.heat import Heat
from ferlite.device.service.periodic import Periodic
from ferlite.device.sources.recovery import Recovering

FILES = ("results.jsonl", "results.csv", "events.jsonl", "video.mp4", "counts.csv")
"""What it writes, in the folder `disk`."""

TOTAL = 6e6
"""Bytes that all of them but the last may take."""


class Wall:
    """The time of day, which jumps when it is asked to."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return the seconds since the epoch."""
        return time.time() + self.ahead


def main(work: Path, broker: str, rate: float, seed: int, stall: float, hurry: float) -> None:
    """Run until it is stopped.

    Args:
        work: A folder with the folders `disk`, for the outputs, and `sys`, for the sensors, and model.tflite.
        broker: Where to publish to.
        rate: Frames a second of the camera.
        seed: Of its faces.
        stall: Seconds without a frame after which the camera is opened again.
        hurry: How many times shorter than a user's the pauses are after which something is tried again.
    """
    logging.basicConfig(format="%(relativeCreated)8d %(name)s %(message)s")
    trouble, wall = Trouble(), Wall()
    classifier = Classifier.load(work / "model.tflite")
    recognizer = Recognizer([classifier], finder=FaceFinder())
    rules = EventRules(confirm=1, held=dict.fromkeys(classifier.labels, 0.0), cooldown=0)

    def hurried() -> float:
        return time.monotonic() * hurry

    def minutes() -> float:
        return time.monotonic() * 60  # in a second

    with ExitStack() as stack:
        stopping = stack.enter_context(Stopping())
        camera = Recovering(
            lambda: FaultyCamera(trouble, rate=rate, seed=seed),
            FaultyCamera.spec,
            stall=stall,
            pause=lambda seconds: time.sleep(seconds / hurry),
        )
        pipeline = stack.enter_context(Pipeline(camera, recognizer, rules=rules, wall=wall))
        # No spans of a day: the times of the files themselves do not jump with this clock.
        limit = Rotation(age=None, total=TOTAL, wall=wall)
        lines, table, events, video, counts = (work / "disk" / name for name in FILES)
        page = LivePage(pipeline, port=0, patience=10 / hurry)
        outputs = [
            JsonLines(lines, rotation=limit),
            CsvRows(table, pipeline.classifiers, rotation=limit),
            EventLines(events, rotation=limit),
            AnnotatedVideo(video, rate, rotation=limit, clock=hurried),
            Counts(counts, clock=minutes),
            page,
            Mqtt(pipeline, broker, id="soak", heartbeat=1, pauses=[each / hurry for each in (1, 2, 4, 8, 16, 32)]),
        ]
        for each in outputs:
            stack.enter_context(each)
        # A minute of heat lasts a second here.
        heat = Heat(
            pipeline, celsius=partial(celsius, work), throttled=lambda: None, clock=lambda: 60 * time.monotonic()
        )
        stack.enter_context(Periodic(heat.look, 0.1, "heat"))

        def report() -> None:
            more = {"given": trouble.given, "page": page.address}
            with suppress(OSError):  # no descriptor to count threads with
                print(json.dumps({**pipeline.state.to_json(), **more, "threads": _threads()}), flush=True)

        def obey() -> None:
            for line in sys.stdin:
                values = json.loads(line)
                wall.ahead = values.pop("ahead", wall.ahead)
                trouble.set(**values)
            pipeline.close()

        stack.enter_context(Periodic(report, 0.1, "report"))
        Thread(target=obey, name="obey", daemon=True).start()
        try:
            pipeline.run(*outputs, undivided=stopping.postponed)
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)


def _threads() -> dict[str, int]:
    """Return how many threads there are, by name; those of libraries have none, and belong together.

    Timers, by which files come to the disk, and AnyIO's pool, of 40 at most, come and go, and are left out.
    """
    named = Counter(each.name for each in enumerate_threads() if not isinstance(each, Timer))
    named["of libraries"] = len(list(Path("/proc/self/task").iterdir())) - len(enumerate_threads())
    del named["AnyIO worker thread"]
    return +named


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    main(Path(options.pop("work")), **options)
