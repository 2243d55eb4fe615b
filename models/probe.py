"""Trying a model file in a child process before this process loads it.

A TFLite runtime trusts its file: a wrong offset or a rewired operator can end the process without a Python
error. So every file that ferlite did not ship is first loaded and run once in a child process. The record's
hash does not replace this: whoever changes a file on purpose can write the fitting hash, too.

This finds files that crash the runtime on black pictures. It does not make a hostile file safe: load model
files only from people whom you trust.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from ..errors import ModelFormatError, RuntimeMissingError
from .files import sha256
from .native_log import muted_stderr

SECONDS = 20.0
"""How long the child may take; loading a runtime and a model takes well under one on a desktop."""

_MEMORY = 2 << 30
_REFUSED = 3
_passed: set[tuple[str, str]] = set()  # hashes and runtimes of what this process has tried


def probe(content: bytes, path: Path, runtime_name: str = "") -> None:
    """Load and run a graph once in a child process, about 0.3 s; only once in the life of this process.

    Args:
        content: The whole model file.
        path: Where it lies, for messages.
        runtime_name: A name in `backends.RUNTIMES`; the first installed one if empty.

    Raises:
        ModelFormatError: The runtime refused it, crashed, or took longer than `SECONDS`.
        RuntimeMissingError: The child does not start: `sys.executable` is no interpreter, or memory is short.
    """
    key = sha256(content), runtime_name
    if key in _passed:
        return
    # The child finds ferlite where its parent found it.
    program = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import main; main({runtime_name!r})"
    try:
        child = subprocess.run(  # noqa: S603 - the program is ours, the file goes in as data
            [sys.executable or "", "-c", program], input=content, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelFormatError(
            f"{path}: the model did not load and run within {SECONDS:.0f} s; don't use it"
        ) from error
    except OSError as error:
        # An embedded Python can have an empty or missing sys.executable.
        raise RuntimeMissingError(
            f"{path}: the Python that tries a model first, sys.executable = {sys.executable!r}, does not start: "
            f"{error.strerror or error}; set sys.executable to a Python that can run ferlite, or free some memory"
        ) from error
    if child.returncode == _REFUSED:
        reason = " ".join(child.stdout.decode(errors="replace").split())
        raise ModelFormatError(f"{path}: the runtime refuses the model: {reason}")
    if child.returncode:
        end = f"signal {-child.returncode}" if child.returncode < 0 else f"exit code {child.returncode}"
        raise ModelFormatError(f"{path}: the model crashed the runtime ({end}); it is damaged or hostile, don't use it")
    _passed.add(key)


def main(runtime_name: str) -> None:
    """Child entry point: reads the model from stdin, prints the runtime's error."""
    from .backends import runtime

    content = sys.stdin.buffer.read()
    chosen = runtime(runtime_name)
    _limit()
    try:
        with muted_stderr():
            interpreter = chosen.interpreter(model_content=content)
            interpreter.allocate_tensors()
            for detail in interpreter.get_input_details():
                interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
            interpreter.invoke()
            for detail in interpreter.get_output_details():
                interpreter.get_tensor(detail["index"])
    except Exception as error:  # whatever it is, the parent reports it
        sys.stdout.write(f"{error}")
        sys.stdout.flush()
        sys.exit(_REFUSED)


def _limit() -> None:
    """Write no core file, and allow no more than 2 GiB of memory, whatever tensor sizes the file has."""
    try:
        import resource
    except ImportError:  # not POSIX
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
