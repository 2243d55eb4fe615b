"""The TFLite runtimes: LiteRT, else tflite_runtime, else TensorFlow's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..errors import RuntimeMissingError, unknown


@dataclass(frozen=True)
class Runtime:
    """A TFLite runtime.

    Attributes:
        name: Name and version, for instance "LiteRT 2.3.0"; every benchmark states it.
        interpreter: Its Interpreter class.
    """

    name: str
    interpreter: Callable[..., Any]


def _litert() -> Runtime:
    return _named("LiteRT", "ai-edge-litert", import_module("ai_edge_litert.interpreter").Interpreter)


def _tflite_runtime() -> Runtime:
    return _named("tflite_runtime", "tflite-runtime", import_module("tflite_runtime.interpreter").Interpreter)


def _tensorflow() -> Runtime:
    return _named("TensorFlow", "tensorflow", import_module("tensorflow").lite.Interpreter)


RUNTIMES = {"litert": _litert, "tflite-runtime": _tflite_runtime, "tensorflow": _tensorflow}
"""Runtimes in the order they are tried."""


@cache
def runtime(name: str = "") -> Runtime:
    """Return a runtime by its name in `RUNTIMES`, or the first that is installed.

    Raises:
        UnknownNameError: There is no such runtime.
        RuntimeMissingError: It, or any at all, is not installed.
    """
    if name and name not in RUNTIMES:
        raise unknown("runtime", name, RUNTIMES)
    failures = []
    for key in [name] if name else RUNTIMES:
        try:
            return RUNTIMES[key]()
        except ModuleNotFoundError as error:
            failures.append(f"{key}: {error}")
        except ImportError as error:
            # Broken, or an interrupted import: numpy's part of a native module makes an ImportError of Ctrl-C.
            raise RuntimeMissingError(f"{key} is installed and can't be imported: {error}; install it anew") from error
    raise RuntimeMissingError(
        "no TFLite runtime can be imported (" + "; ".join(failures) + "); pip install ai-edge-litert"
    )


def _named(title: str, package: str, interpreter: Callable[..., Any]) -> Runtime:
    try:
        return Runtime(f"{title} {version(package)}", interpreter)
    except PackageNotFoundError:
        return Runtime(title, interpreter)
