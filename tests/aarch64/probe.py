"""Run the shipped models on fixed input; what they give is compared between machines.

    python probe.py OUT.npz MODEL...

The input is drawn from the eigenfaces, which are the same pixels on every machine, and reaches the
models without OpenCV, which resizes differently on different processors.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from ferlite.models import eigenfaces, registry
from ferlite.models.files import read_bytes, sha256
from ferlite.models.preprocess import to_input
from ferlite.models.runtime import LoadedModel

SAMPLES = 64
FLOAT_SAMPLES = 16  # which are compared by value, and take longest
FRAMES = 4
LANDMARK_FACES = 8


def main(out: str, *models: str) -> None:
    """Write every output of every model to `out` and print what ran, as JSON."""
    faces = eigenfaces.load().sample(SAMPLES, seed=4)[0]
    loaded = {name: LoadedModel(registry.path(name)) for name in (*models, "yunet", "onet")}
    arrays: dict[str, NDArray[np.generic]] = {"faces": faces}
    for name, model in loaded.items():
        own = faces[:FLOAT_SAMPLES] if model.inputs[0]["dtype"] == np.float32 else faces
        pictures = {"yunet": _frames(faces), "onet": _colour(faces[:LANDMARK_FACES])}.get(name, own)
        batches = (to_input(picture[None], model.inputs[0]["dtype"]) for picture in pictures)
        outputs = [model.run_raw(batch) for batch in batches]
        for place, values in enumerate(zip(*outputs, strict=True)):
            arrays[f"{name}/{place}"] = np.concatenate(values)
    np.savez(out, **arrays)  # type: ignore[arg-type]
    facts = {
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": version("opencv-python-headless"),
        "runtime": loaded["yunet"].runtime.name,
        "xnnpack": {name: model.uses_xnnpack for name, model in loaded.items()},
        "files": {name: sha256(read_bytes(model.path)) for name, model in loaded.items()},
    }
    print(json.dumps(facts))


def _colour(faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(faces[..., None], 3, axis=-1)


def _frames(faces: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Draw frames of YuNet's size, each with a large face and a small one: uint8 [n, 256, 320, 3]."""
    frames = np.full((FRAMES, 256, 320), 128, np.uint8)
    for number, frame in enumerate(frames):
        large, small = (face.repeat(k, 0).repeat(k, 1) for face, k in zip(faces[2 * number :], (4, 2), strict=False))
        frame[32 : 32 + 192, 8 : 8 + 192] = large
        frame[8 * number : 8 * number + 96, 212 : 212 + 96] = small
    return _colour(frames)


if __name__ == "__main__":
    main(*sys.argv[1:])
