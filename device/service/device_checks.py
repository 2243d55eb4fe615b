"""Checks of what a run needs: a camera that gives pictures, picamera2, the runtime, the model files."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ...errors import FerliteError
from ...models import modelfile, registry
from ...models.runtime import LoadedModel
from ..sources.base import Source
from .finding import Finding

_FRAMES, _PATIENCE = 10, 10.0  # frames to look at, and seconds for them
_DARK, _FLAT = 10.0, 2.0  # mean, and standard deviation, of pixels from 0 to 255
_TINT = 3.0  # how many times as bright one colour may be as another
_SLOW = 100.0  # ms for one inference of 60 million multiplications; a Zero 2 W takes about 40
_INFERENCES = 5

# By its file: no package index has ferlite, and what somebody puts there under this name is another program.
_REINSTALL = "install ferlite's wheel anew: pip install --force-reinstall ./ferlite-*.whl"


def camera(open_it: Callable[[], Source], clock: Callable[[], float] = time.monotonic) -> Finding:
    """Check that a source gives frames, and that they look like pictures of something.

    Args:
        open_it: Opens the source.
        clock: Gives seconds.
    """
    images = []
    try:
        with open_it() as source:
            deadline = clock() + _PATIENCE
            for frame in source.watch():
                if frame is not None:
                    images.append(frame.image)
                if len(images) >= _FRAMES or clock() >= deadline:
                    break
    except FerliteError as error:
        return Finding(
            "camera", "fail", " ".join(str(error).split()), "end other programs that use it; see the device nodes"
        )
    if not images:
        return Finding("camera", "fail", f"no frame in {_PATIENCE:.0f} seconds", "check its cable and its power")
    pixels = np.concatenate([image.reshape(-1, 3)[::50] for image in images]).astype(np.float64)
    height, width = images[-1].shape[:2]
    found = f"{len(images)} frames of {width} x {height}, mean brightness {pixels.mean():.0f} of 255"
    if pixels.mean() < _DARK or pixels.std() < _FLAT:
        return Finding("camera", "warn", f"{found}: it shows nothing", "take the cap off, open the shutter, make light")
    blue, green, red = pixels.mean(axis=0)
    if max(blue, green, red) > _TINT * max(1.0, min(blue, green, red)):
        found += f", blue {blue:.0f}, green {green:.0f}, red {red:.0f}: these are hardly the true colours"
        return Finding("camera", "warn", found, "check its white balance, and that its driver knows this sensor")
    return Finding("camera", "ok", found)


def picamera2(python: str = sys.executable, *, needed: bool = False) -> Finding:
    """Check that picamera2 can be imported: apt's is built for one numpy, and a venv may hold another.

    Args:
        python: The interpreter to try it in; a process of its own, as a wrong build can end it.
        needed: The source is a camera of the Pi.
    """
    try:
        command = [python, "-c", "import picamera2"]
        tried = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("picamera2", "fail", f"can't be tried: {error}", "install Python anew")
    said = (tried.stderr.strip().splitlines() or [f"it ended with {tried.returncode}"])[-1]
    if not tried.returncode:
        return Finding("picamera2", "ok", "can be imported")
    if "No module named 'picamera2'" in said:
        remedy = "sudo apt install python3-picamera2, and make the venv with --system-site-packages"
        return Finding("picamera2", "fail" if needed else "ok", "is not installed", remedy if needed else "")
    remedy = "install ferlite anew in a venv made with --system-site-packages: it then asks for the numpy that fits"
    return Finding("picamera2", "fail" if needed else "warn", said, remedy)


def runtime(model: str | Path, root: Path = Path("/"), limit: float = _SLOW) -> Finding:
    """Check that the model runs, and as fast as it should.

    Args:
        model: Name of a shipped model, or path of a .tflite file.
        root: Where `proc` lies.
        limit: Milliseconds that an inference may take.
    """
    try:
        loaded = LoadedModel(registry.path(model))
        detail = loaded.inputs[0]
        face = np.zeros(detail["shape"], detail["dtype"])
        loaded.run(face)
        taken = []
        for _ in range(_INFERENCES):
            begin = time.perf_counter()
            loaded.run(face)
            taken.append(1000 * (time.perf_counter() - begin))
    except FerliteError as error:
        return Finding("runtime", "fail", str(error), _REINSTALL)
    ms = statistics.median(taken)
    found = f"{loaded.runtime.name}, {ms:.2f} ms for a face"
    # XNNPACK reads there what the processor can do, and does without its fast instructions where it can't.
    if not (root / "proc/cpuinfo").is_file():
        remedy = "let this program see /proc/cpuinfo (a service with ProcSubset=pid does not)"
        return Finding("runtime", "fail", f"{found}; /proc/cpuinfo is hidden", remedy)
    if not loaded.uses_xnnpack:
        return Finding("runtime", "warn", f"{found}, without XNNPACK", "pip install ai-edge-litert")
    if ms > limit:
        return Finding("runtime", "warn", f"{found}: slow", "end other programs; take a smaller model")
    return Finding("runtime", "ok", f"{found}, with XNNPACK")


def models(names: Iterable[str | Path] = ()) -> Finding:
    """Check that model files are undamaged.

    Args:
        names: Shipped models or files; all shipped ones if none.
    """
    names = list(names) or registry.names()
    for name in names:
        try:
            file = modelfile.read(registry.path(name))
        except FerliteError as error:
            return Finding("models", "fail", str(error), f"{_REINSTALL}, or copy the file anew")
        if file.path.parent == registry.FOLDER and not registry.is_shipped(file.content):
            return Finding("models", "fail", f"{file.path} is not as shipped", _REINSTALL)
    return Finding("models", "ok", f"{len(names)} undamaged")
