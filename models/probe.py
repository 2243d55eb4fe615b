"""Trying a model file that nobody vouches for in a process of its own.

A TFLite runtime trusts the file: a wrong offset in it can end the process without any Python error.
A file with a record has proved by its hash that it is what was written; any other is loaded and run
once here first, so that it is the child that dies.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from ..errors import ModelFormatError
from .native_log import quiet

SECONDS = 20.0
"""How long the child may take; loading a runtime and a model takes well under one on a desktop."""

_MEMORY = 2 << 30
_REFUSED = 3


def probe(content: bytes, path: Path, runtime_name: str = "") -> None:
    """Load and run a graph once in a child process, about 0.3 s.

    Args:
        content: The whole model file.
        path: Where it lies, for messages.
        runtime_name: A name in `backends.RUNTIMES`; the first installed one if empty.

    Raises:
        ModelFormatError: The runtime refused it or died of it, or did not come to an end.
    """
    # The child finds ferlite where its parent found it.
    program = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import main; main({runtime_name!r})"
    try:
        child = subprocess.run(  # noqa: S603 - the program is ours, the file goes in as data
            [sys.executable, "-c", program], input=content, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelFormatError(
            f"{path}: the model did not load and run within {SECONDS:.0f} s; don't use it"
        ) from error
    if child.returncode == _REFUSED:
        raise ModelFormatError(f"{path}: the runtime refuses the model: {child.stdout.decode(errors='replace')}")
    if child.returncode:
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"exit code {child.returncode}"
        raise ModelFormatError(f"{path}: the model killed the runtime that tried it ({how}); it is damaged or hostile")


def main(runtime_name: str) -> None:
    """Be the child: the model comes on stdin, what the runtime has against it goes to stdout."""
    from .backends import runtime

    content = sys.stdin.buffer.read()
    chosen = runtime(runtime_name)
    _limit()
    try:
        with quiet():
            interpreter = chosen.interpreter(model_content=content)
            interpreter.allocate_tensors()
            for detail in interpreter.get_input_details():
                interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
            interpreter.invoke()
            for detail in interpreter.get_output_details():
                interpreter.get_tensor(detail["index"])
    except Exception as error:  # whatever it is: it is told, and the parent goes on
        sys.stdout.write(f"{error}")
        sys.stdout.flush()
        sys.exit(_REFUSED)


def _limit() -> None:
    """Leave no core file and take no more than 2 GiB, whatever tensor sizes the file asks for."""
    try:
        import resource
    except ImportError:  # not POSIX
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
