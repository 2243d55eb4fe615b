"""Model files changed at random by a seed: none may kill who reads it, and with a record none gets to the runtime."""

import random
import subprocess
import sys

import pytest

from ferlite.errors import ModelFormatError
from ferlite.models import modelfile, probe
from ferlite.models.runtime import LoadedModel

RECORDED, BARE = 170, 30


def variant(content: bytes, seed: int) -> bytes:
    """Return a model file with something wrong in it: flipped bits, a cut, or a wild number in its tables."""
    draw = random.Random(seed)
    changed = bytearray(content)
    # Everywhere, or where the offsets lie: the head, the tables behind the weights, the record, the zip.
    places = {
        "anywhere": (0, len(content)),
        "head": (0, 400),
        "tail": (len(content) - 4000, len(content)),
        "zip": (len(content) - 200, len(content)),
    }
    low, high = places[draw.choice(sorted(places))]
    kind = draw.choice(["bit", "bits", "number", "cut", "hole"])
    at = draw.randrange(max(low, 0), high)
    if kind == "bit":
        changed[at] ^= 1 << draw.randrange(8)
    elif kind == "bits":
        for _ in range(draw.randrange(2, 40)):
            changed[draw.randrange(max(low, 0), high)] ^= 1 << draw.randrange(8)
    elif kind == "number":
        changed[at : at + 4] = draw.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(content)]).to_bytes(
            4, "little"
        )
        changed = changed[: len(content)]
    elif kind == "cut":
        del changed[at:]
    else:
        del changed[at : at + draw.randrange(1, 64)]
    # A number may have been what stood there: then it is no change.
    return bytes(changed) if changed != content else content[:-1]


def test_with_a_record_any_change_is_an_error_before_a_runtime_sees_it(model_path, tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError("the runtime saw a changed file")

    monkeypatch.setattr("ferlite.models.runtime.runtime", never)
    content = model_path.read_bytes()
    damaged = tmp_path / "damaged.tflite"
    for seed in range(RECORDED):
        damaged.write_bytes(variant(content, seed))
        with pytest.raises(ModelFormatError, match=r"damaged\.tflite"):
            LoadedModel(damaged)


TRY_ALL = """
import sys
from pathlib import Path
from ferlite.errors import ModelFormatError
from ferlite.models.runtime import LoadedModel
import numpy as np
for path in sorted(Path(sys.argv[1]).glob("*.tflite")):
    try:
        model = LoadedModel(path)
        model.run_raw(*[np.zeros(d["shape"], d["dtype"]) for d in model.inputs])
        print("ran")
    except ModelFormatError as error:
        assert path.name in str(error)
        print("killed" if "killed the runtime" in str(error) else "refused")
"""


def test_without_a_record_none_kills_the_caller(graph, tmp_path):
    for seed in range(BARE):
        (tmp_path / f"{seed:04}.tflite").write_bytes(variant(graph, seed))
    caller = subprocess.run([sys.executable, "-c", TRY_ALL, tmp_path], capture_output=True, text=True, check=False)
    assert caller.returncode == 0, caller.stderr
    told = caller.stdout.split()
    assert len(told) == BARE
    assert "refused" in told


def test_a_file_that_kills_the_runtime_is_a_clear_error(graph, tmp_path, monkeypatch):
    python = sys.executable
    for program, said in (
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed the runtime that tried it .signal 11."),
        ("raise SystemExit(9)", "exit code 9"),
        ("import time; time.sleep(60)", "did not load and run within 0 s"),
    ):
        child = tmp_path / "child"
        child.write_text(f"#!/bin/sh\nexec {python} -c '{program}'\n")
        child.chmod(0o755)
        monkeypatch.setattr(probe.sys, "executable", str(child))
        monkeypatch.setattr(probe, "SECONDS", 0.3 if "sleep" in program else 20.0)
        with pytest.raises(ModelFormatError, match=said):
            probe.probe(graph, tmp_path / "x.tflite")


def test_a_good_file_without_a_record_passes(graph, tmp_path):
    path = tmp_path / "good.tflite"
    path.write_bytes(graph)
    assert modelfile.read(path).record is None
    assert LoadedModel(path).record is None
