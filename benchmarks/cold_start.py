"""What a program waits for, and takes, before its first answer: measured in fresh child processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from ..data.results.latency import ColdStart
from ..errors import ModelFormatError

# Runs before anything is imported. The peak is read from /proc because getrusage's is the largest
# this process ever had, the time before its exec, as a copy of the parent, included.
_CHILD = """
import time
start = time.perf_counter()
import json, sys
import numpy
from ferlite.models.backends import runtime
from ferlite.models.runtime import LoadedModel
runtime()
imported = time.perf_counter()
model = LoadedModel(sys.argv[1], threads=int(sys.argv[2]))
loaded = time.perf_counter()
detail = model.inputs[0]
model.run(numpy.zeros(detail["shape"], detail["dtype"]))
done = time.perf_counter()
try:
    lines = open("/proc/self/status").read().splitlines()
    peak = next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), None)
except OSError:
    peak = None
print(json.dumps({"import": imported - start, "load": loaded - imported, "first": done - loaded, "rss": peak}))
"""


def measure(model: Path, *, threads: int = 1, runs: int = 5) -> ColdStart:
    """Start a fresh Python so many times, each importing the runtime, loading a model and running it once.

    The file is in the system's page cache from the second run on: it is the program that is cold.

    Args:
        model: Path of a .tflite file.
        threads: Threads for one inference.
        runs: How many children, one after another.

    Returns:
        JSON-ready medians; the peak of memory is None where the system doesn't tell it.

    Raises:
        ModelFormatError: A child ended with an error.
    """
    taken, whole = [], []
    for _ in range(runs):
        start = time.perf_counter()
        # -P: a file in the working directory must not stand in for a package.
        child = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-c", _CHILD, str(model), str(threads)],
            capture_output=True,
            text=True,
            check=False,
        )
        whole.append(time.perf_counter() - start)
        if child.returncode:
            last = (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
            raise ModelFormatError(f"{model} can't be run in a fresh process: {last}")
        taken.append(json.loads(child.stdout))
    peaks = [row["rss"] for row in taken if row["rss"] is not None]
    imported, loaded, first = (
        1000 * float(np.median([row[name] for row in taken])) for name in ("import", "load", "first")
    )
    return {
        "import_ms": imported,
        "load_ms": loaded,
        "first_ms": first,
        "process_ms": 1000 * float(np.median(whole)),
        "peak_rss_mb": max(peaks, default=None),
        "runs": runs,
    }
