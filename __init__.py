"""ferlite: facial expression recognition at the edge.

Train CNNs on facial expression data, quantize them to int8 after training, run them on a
Raspberry Pi, and measure what the quantization cost. Importing this package imports nothing heavy;
the names below are looked up when they are first used (PEP 562).

    from ferlite import Pipeline
    with Pipeline.open("picamera:0", model="ferlite-m-ferplus") as pipeline:
        for result in pipeline:
            for face in result.faces:
                print(face.track_id, face.label, f"{face.confidence:.2f}")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .device.classifier import Classifier
    from .device.pipeline import Pipeline
    from .device.sources.open import open_source
    from .device.types import Expression, Face, Frame, FrameResult, TrackedFace
    from .errors import FerliteError

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "Expression",
    "Face",
    "FerliteError",
    "Frame",
    "FrameResult",
    "Pipeline",
    "TrackedFace",
    "open_source",
]

_HOME = {
    "Classifier": "device.classifier",
    "Expression": "device.types",
    "Face": "device.types",
    "FerliteError": "errors",
    "Frame": "device.types",
    "FrameResult": "device.types",
    "Pipeline": "device.pipeline",
    "TrackedFace": "device.types",
    "open_source": "device.sources.open",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ferlite' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
