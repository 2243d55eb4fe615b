"""What ferlite's PiCamera must do on the real Picamera2; run by `drive.py` where there is one."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
import time
from itertools import islice

import picamera2_virtual  # noqa: F401  (Picamera2 for a camera that is not there)

from ferlite import Pipeline, open_source
from ferlite.device.sources.cameras import PiCamera
from ferlite.device.sources.recovery import Recovering

SIZE = (640, 384)
BARS = ("white", "yellow", "cyan", "green", "magenta", "red", "blue", "black")
ROUNDS = 100


def check_colours() -> str:
    """Every bar of the test picture has its colour, in BGR."""
    with open_source("picamera:0", size=SIZE) as source:
        assert source.live
        assert source.size == SIZE
        image = next(iter(source)).image
    assert image.shape == (384, 640, 3)
    wanted = {"white": "111", "yellow": "011", "cyan": "110", "green": "010", "magenta": "101"}
    wanted |= {"red": "001", "blue": "100", "black": "000"}
    for place, name in enumerate(BARS):
        colour = image[192, 40 + 80 * place]
        assert "".join(str(int(value > 127)) for value in colour) == wanted[name], (name, colour)
    return "eight bars, each in its colour"


def check_stall() -> str:
    """A camera that gives no frame any more is noticed, closed and opened again."""
    opened: list[PiCamera] = []

    def opener() -> PiCamera:
        opened.append(PiCamera(size=SIZE))
        return opened[-1]

    stall = 0.5
    with Recovering(opener, "picamera:0", stall=stall) as source:
        frames = iter(source)
        list(islice(frames, 5))
        opened[0]._camera.camera.stop()  # below Picamera2, which goes on waiting
        start = time.monotonic()
        next(frame for frame in frames if source.reopened)
        taken = time.monotonic() - start
        assert (source.reopened, len(opened)) == (1, 2)
    return f"a frame again after {taken:.1f} s, {stall} s of them until the stall was noticed"


def check_hanging_close() -> str:
    """A camera that gives no frame any more is closed without delay."""
    source = PiCamera(size=SIZE)
    reader = threading.Thread(target=list, args=(source,))
    source._camera.camera.stop()
    reader.start()
    start = time.monotonic()
    source.close()
    reader.join(10)
    assert not reader.is_alive()
    return f"closed within {time.monotonic() - start:.1f} s"


def check_pipeline() -> str:
    """The whole pipeline runs on it."""
    with Pipeline.open("auto", size=SIZE) as pipeline:
        assert pipeline.source.spec == "picamera:0"
        results = list(islice(pipeline, 20))
    assert [result.faces for result in results] == [()] * 20
    return "20 frames of --source auto, no face in them"


def check_descriptors() -> str:
    """Opening and closing leaves no descriptor and no thread behind."""

    def count() -> tuple[int, int]:
        gc.collect()
        return len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208

    def rounds(number: int) -> tuple[int, int]:
        for _ in range(number):
            with open_source("picamera:0", size=SIZE) as source:
                next(iter(source))
        return count()

    before, after = rounds(1), rounds(ROUNDS)
    assert after == before, f"descriptors and threads were {before}, now {after}"
    return f"{ROUNDS} rounds, {before[0]} descriptors before and {after[0]} after"


def main() -> int:
    """Run the checks and print each with its time."""
    logging.getLogger("picamera2").setLevel(logging.CRITICAL)
    # Picamera2's own thread ends with an error when its camera is stopped from below.
    threading.excepthook = lambda failure: None
    for check in (check_colours, check_pipeline, check_stall, check_hanging_close, check_descriptors):
        start = time.monotonic()
        print(f"{check.__name__[6:]}: {check()} ({time.monotonic() - start:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
