"""ferlite: facial expression recognition at the edge.

Train CNNs on facial expression data, quantize them to int8 after training, run them on a
Raspberry Pi, and measure what the quantization cost.

    from ferlite import Pipeline
    with Pipeline.open("picamera:0", model="ferlite-m-ferplus") as pipeline:
        for result in pipeline:
            for face in result.faces:
                print(face.track_id, face.label, f"{face.confidence:.2f}")

`__all__` is the stable surface; `docs/python.md` describes it. Importing this package imports nothing
heavy: each name is looked up when it is first used (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors
    from .device.classifier import Classifier
    from .device.counts import Counts
    from .device.event_types import FaceEvent, StateEvent
    from .device.events import EventRules, Events
    from .device.faces.finder import FaceFinder
    from .device.faces.gate import Gate
    from .device.outputs.base import Output
    from .device.outputs.csv_rows import CsvRows
    from .device.outputs.drawing import annotate
    from .device.outputs.json_lines import JsonLines
    from .device.outputs.mqtt import Mqtt
    from .device.outputs.open import open_annotated
    from .device.outputs.pictures import Picture, Pictures
    from .device.outputs.rotation import Rotation
    from .device.outputs.video import AnnotatedVideo
    from .device.pipeline import Pipeline
    from .device.sources.base import Source
    from .device.sources.open import open_source
    from .device.sources.push import PushSource
    from .device.sources.virtual import VirtualCamera
    from .device.state import RateLimit, State
    from .device.tracks import Smoothing
    from .device.types import (
        UNCERTAIN,
        UNREADABLE,
        Expression,
        Face,
        Frame,
        FrameResult,
        Reading,
        TrackedFace,
    )
    from .device.web.live_page import LivePage
    from .errors import (
        DataError,
        FerliteError,
        MissingFileError,
        ModelFormatError,
        OutputError,
        RuntimeMissingError,
        ServiceError,
        SourceError,
        UnknownNameError,
        UsageError,
        WeightsError,
    )

__version__ = "0.1.0"

__all__ = [
    "UNCERTAIN",
    "UNREADABLE",
    "AnnotatedVideo",
    "Classifier",
    "Counts",
    "CsvRows",
    "DataError",
    "EventRules",
    "Events",
    "Expression",
    "Face",
    "FaceEvent",
    "FaceFinder",
    "FerliteError",
    "Frame",
    "FrameResult",
    "Gate",
    "JsonLines",
    "LivePage",
    "MissingFileError",
    "ModelFormatError",
    "Mqtt",
    "Output",
    "OutputError",
    "Picture",
    "Pictures",
    "Pipeline",
    "PushSource",
    "RateLimit",
    "Reading",
    "Rotation",
    "RuntimeMissingError",
    "ServiceError",
    "Smoothing",
    "Source",
    "SourceError",
    "State",
    "StateEvent",
    "TrackedFace",
    "UnknownNameError",
    "UsageError",
    "VirtualCamera",
    "WeightsError",
    "annotate",
    "errors",
    "open_annotated",
    "open_source",
]

# The module of each name. A test compares this table with `__all__` and with the imports above, which are
# for type checkers and editors.
_MODULES = {
    "device.classifier": ("Classifier",),
    "device.counts": ("Counts",),
    "device.event_types": ("FaceEvent", "StateEvent"),
    "device.events": ("EventRules", "Events"),
    "device.faces.finder": ("FaceFinder",),
    "device.faces.gate": ("Gate",),
    "device.outputs.base": ("Output",),
    "device.outputs.csv_rows": ("CsvRows",),
    "device.outputs.drawing": ("annotate",),
    "device.outputs.json_lines": ("JsonLines",),
    "device.outputs.mqtt": ("Mqtt",),
    "device.outputs.open": ("open_annotated",),
    "device.outputs.pictures": ("Picture", "Pictures"),
    "device.outputs.rotation": ("Rotation",),
    "device.outputs.video": ("AnnotatedVideo",),
    "device.pipeline": ("Pipeline",),
    "device.sources.base": ("Source",),
    "device.sources.open": ("open_source",),
    "device.sources.push": ("PushSource",),
    "device.sources.virtual": ("VirtualCamera",),
    "device.state": ("RateLimit", "State"),
    "device.tracks": ("Smoothing",),
    "device.types": (
        "UNCERTAIN",
        "UNREADABLE",
        "Expression",
        "Face",
        "Frame",
        "FrameResult",
        "Reading",
        "TrackedFace",
    ),
    "device.web.live_page": ("LivePage",),
    "errors": (
        "DataError",
        "FerliteError",
        "MissingFileError",
        "ModelFormatError",
        "OutputError",
        "RuntimeMissingError",
        "ServiceError",
        "SourceError",
        "UnknownNameError",
        "UsageError",
        "WeightsError",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module(".errors", __name__)
    if name not in _HOME:
        raise AttributeError(f"module 'ferlite' has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
