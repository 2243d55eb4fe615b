"""Damaged and hostile model files: each is a ModelFormatError, and none crashes the process that reads it."""

import json
import random
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from ferlite.errors import ModelFormatError, RuntimeMissingError
from ferlite.models import modelfile, probe, registry
from ferlite.models.graph_builder import GraphBuilder
from ferlite.models.record import Crop, Record
from ferlite.models.runtime import LoadedModel

RECORDED, BARE, MUTANTS = 170, 4, 8


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
from ferlite.models.record import Record
from ferlite.models.runtime import LoadedModel
import numpy as np
for path in sorted(Path(sys.argv[1]).glob("*.tflite")):
    try:
        model = LoadedModel(path)
        model.run_raw(*[np.zeros(d["shape"], d["dtype"]) for d in model.inputs])
        print("ran")
    except ModelFormatError as error:
        assert path.name in str(error)
        print("crashed" if "crashed the runtime" in str(error) else "refused")
"""


def test_without_a_record_none_crashes_the_caller(graph, tmp_path):
    for seed in range(BARE):
        (tmp_path / f"{seed:04}.tflite").write_bytes(variant(graph, seed))
    caller = subprocess.run([sys.executable, "-c", TRY_ALL, tmp_path], capture_output=True, text=True, check=False)
    assert caller.returncode == 0, caller.stderr
    outcomes = caller.stdout.split()
    assert len(outcomes) == BARE
    assert "refused" in outcomes


def test_a_file_that_crashes_the_runtime_is_a_clear_error(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(probe, "_passed", set())
    python = sys.executable
    for program, message in (
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed the runtime .signal 11."),
        ("raise SystemExit(9)", "exit code 9"),
        ("import time; time.sleep(60)", "did not load and run within 0 s"),
    ):
        child = tmp_path / "child"
        child.write_text(f"#!/bin/sh\nexec {python} -c '{program}'\n")
        child.chmod(0o755)
        monkeypatch.setattr(probe.sys, "executable", str(child))
        monkeypatch.setattr(probe, "SECONDS", 0.3 if "sleep" in program else 20.0)
        with pytest.raises(ModelFormatError, match=message):
            probe.probe(graph, tmp_path / "x.tflite")


@pytest.mark.parametrize("python", ["", None, "/no/such/python"])
def test_an_interpreter_that_does_not_start_is_named_with_the_remedy(graph, tmp_path, monkeypatch, python):
    monkeypatch.setattr(probe, "_passed", set())
    monkeypatch.setattr(probe.sys, "executable", python)
    with pytest.raises(RuntimeMissingError, match=f"{python!r}, does not start: .*set sys.executable"):
        probe.probe(graph, tmp_path / "x.tflite")


def test_a_good_file_without_a_record_passes(graph, tmp_path):
    path = tmp_path / "good.tflite"
    path.write_bytes(graph)
    assert modelfile.read(path).record is None
    assert LoadedModel(path).record is None


@pytest.fixture
def rewired(tmp_path, record):
    """A model file with a fitting hash whose operator lacks an input that its kernel reads."""
    builder = GraphBuilder()
    pixels, logits = builder.tensor("pixels", (1, 48, 48, 1)), builder.tensor("logits", (1, 7))
    blocks = builder.constant("blocks", np.ones(2, np.int32))
    builder.operator(schema.BuiltinOperator.BATCH_TO_SPACE_ND, [pixels, blocks, -1], logits)
    return modelfile.write(tmp_path / "rewired.tflite", builder.build([pixels], [logits]), record)


@pytest.mark.parametrize("command", [["run", "--source", "virtual:frames=1", "--model"], ["models", "verify"]])
def test_a_rewired_operator_with_a_fitting_hash_crashes_no_command(rewired, command):
    program = "from ferlite.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *command, rewired], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("0 frames")]
    assert "rewired.tflite: the model crashed the runtime (signal" in line


def mutant(graph: bytes, seed: int) -> bytes:
    """Return a graph that is a valid flatbuffer with something wrong in one operator or tensor."""
    draw = random.Random(seed)
    model: Any = flatbuffer_utils.read_model_from_bytearray(bytearray(graph))
    part = model.subgraphs[0]
    operator, tensor = draw.choice(part.operators), draw.choice(part.tensors)
    number = draw.choice([-1, 0, 1, 2**31 - 1, draw.randrange(len(part.tensors))])
    kind = draw.randrange(8)
    if kind == 0:
        operator.inputs = [number, *operator.inputs[1:]]
    elif kind == 1:
        operator.inputs = operator.inputs[: draw.randrange(3)]
    elif kind == 2:
        operator.outputs = [number]
    elif kind == 3:
        tensor.shape = [number, *tensor.shape[1:]]
    elif kind == 4:
        tensor.type = draw.randrange(20)
    elif kind == 5:
        tensor.buffer = draw.randrange(len(model.buffers) + 1)
    elif kind == 6:
        operator.builtinOptions, operator.builtinOptionsType = None, 0
    else:
        code = draw.choice(model.operatorCodes)
        code.builtinCode = code.deprecatedBuiltinCode = draw.randrange(127)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def test_a_mutated_graph_with_a_fitting_hash_crashes_no_caller(tmp_path):
    shipped = modelfile.read(registry.path("ferlite-m"))
    for seed in range(MUTANTS):
        modelfile.write(tmp_path / f"{seed:04}.tflite", mutant(shipped.content, seed), cast(Record, shipped.record))
    caller = subprocess.run([sys.executable, "-c", TRY_ALL, tmp_path], capture_output=True, text=True, check=False)
    assert caller.returncode == 0, caller.stderr
    assert len(caller.stdout.split()) == MUTANTS


def test_pixels_that_a_graph_can_t_compute_are_a_clear_error(tmp_path, record):
    builder = GraphBuilder()
    pixels, places = builder.tensor("pixels", (1, 48, 48, 1)), builder.tensor("places", (1, 48, 48, 1), np.int32)
    cast_to = schema.CastOptionsT()
    cast_to.outDataType = schema.TensorType.INT32
    builder.operator(schema.BuiltinOperator.CAST, [pixels], places, cast_to)
    table, answers = builder.constant("table", np.ones(7, np.float32)), builder.tensor("answers", (1, 48, 48, 1))
    builder.operator(schema.BuiltinOperator.GATHER, [table, places], answers, schema.GatherOptionsT())
    detector = record.with_(task="face-detection", labels=())
    model = LoadedModel(modelfile.write(tmp_path / "x.tflite", builder.build([pixels], [answers]), detector))
    with pytest.raises(ModelFormatError, match=r"x\.tflite: LiteRT \S+ can't run the model: .*out of bounds"):
        model.run(np.full((1, 48, 48, 1), 255, np.float32))


def test_a_content_is_tried_once_and_a_shipped_one_never(model_path, tmp_path, monkeypatch):
    tried = []
    run = subprocess.run
    monkeypatch.setattr(probe, "_passed", set())
    monkeypatch.setattr(probe.subprocess, "run", lambda *args, **kwargs: tried.append(args) or run(*args, **kwargs))
    copy = tmp_path / "copy.tflite"
    copy.write_bytes(registry.path("yunet").read_bytes())
    LoadedModel(copy)
    assert not tried
    LoadedModel(model_path)
    LoadedModel(model_path, threads=2)
    assert len(tried) == 1


def with_text(path, graph, text):
    """Write a model file with a fitting hash whose record is any text that begins with a brace."""
    return modelfile.write(path, graph, cast(Record, SimpleNamespace(to_json=lambda: text, labels=())))


DEEP = "[" * 300 + "]" * 300
NAN, INFINITE = float("nan"), float("inf")
POINTS = [[0.5, 0.5]] * 5
WRONG = [
    ("schema", [None, "1", [1], True, 1.0, 0, -5, 10**30]),
    ("name", [3, "", None, "a\ud800", "\033[2J"]),
    ("task", [["expression"], {}, 1]),
    ("scheme", [["int8"], {}, None]),
    ("size", ["48", 48, [48], [48.0, 48.0], [True, True], [10**30, 48], {}]),
    ("channels", [["grey"], 1]),
    ("labels", [3, "happy", [1, 2], [["happy"], "sad"], ["happy", "\ud800"], None, {"happy": 1, "sad": 2}]),
    ("crop", [3, [], {}, "x", {"landmarks": 3, "source": ""}, {"landmarks": POINTS}]),
    ("crop", [{"landmarks": [[NAN, 0.5]] * 5, "source": ""}, {"landmarks": POINTS[1:], "source": ""}]),
    ("crop", [{"landmarks": POINTS, "source": 1}, {"landmarks": [[1e300, 0.5]] * 5, "source": ""}]),
    ("pixels", [3, [0], [0, NAN], [0, INFINITE], [0, 1e300], ["0", "255"], [[0], [255]]]),
    ("output", [["logits"], None]),
    ("temperature", ["1", NAN, INFINITE, 1e-300, True, None, [1]]),
    ("network", [1, None, "\ud800"]),
    ("parameters", ["1", 1.5, 10**30, None]),
    ("macs", [[], NAN]),
    ("data", [[], "FER2013", {"faces": {"train": "many"}}, {"votes": NAN}, {"name": 1}, {"votes": "DEEP"}]),
    ("calibration", [3, {"faces": 256}, {"faces": "x", "method": "min-max", "sha256": ""}]),
    ("kept_float", [3, "conv", [1]]),
    ("accuracy", [3, {"validation": 3}, {"validation": {"int8": 0.7}}, {"validation": {"count": "many"}}]),
    ("accuracy", [{"validation": {"int8": scores}} for scores in ({"accuracy": "x"}, {"interval": [0.1]})]),
    ("accuracy", [{"validation": {"int8": {"confusion": table}}} for table in ([[1]], [[-1] * 7] * 7, 3, [[NAN]])]),
    ("accuracy", [{"validation": {"int8": {"calibration_error": {"before": 0.1}}}}]),
    ("versions", [[], {"numpy": 2}]),
    ("licence", [1]),
]


@pytest.mark.parametrize(("field", "values"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_a_wrong_value_in_a_record_with_a_fitting_hash_names_the_field(tmp_path, graph, record, field, values):
    for value in values:
        text = json.dumps(json.loads(record.to_json()) | {field: value}).replace('"DEEP"', DEEP)
        with pytest.raises(ModelFormatError, match=f"x.tflite: the record's field '{field}' is"):
            modelfile.read(with_text(tmp_path / "x.tflite", graph, text))


@pytest.mark.parametrize(
    "field",
    ["schema", "name", "task", "scheme", "size", "channels", "labels", "crop", "pixels", "output", "temperature"],
)
def test_a_missing_field_in_a_record_with_a_fitting_hash_is_named(tmp_path, graph, record, field):
    values = json.loads(record.to_json())
    del values[field]
    with pytest.raises(ModelFormatError, match=f"the record's field '{field}' is missing"):
        modelfile.read(with_text(tmp_path / "x.tflite", graph, json.dumps(values)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ('{"schema": 1,', "no JSON"),
        ('{"schema": 1} {}', "no JSON"),
        ('{"schema": ' + "9" * 5000 + "}", "no JSON"),
        ('{"data": ' + "[" * 100_000, "nested too deeply"),
        ('{"schema": 2}', "schema 2, this ferlite reads 1"),
        ('{"schema": 1, "colour": "grey"}', "a field 'colour' that this ferlite does not know; install a newer"),
        ('{"schema": 1, "' + "x" * 9999 + '": 1}', r"a field 'x+\.\.\.x+' that this ferlite does not know"),
    ],
)
def test_broken_json_with_a_fitting_hash_is_an_error(tmp_path, graph, text, message):
    with pytest.raises(ModelFormatError, match=message):
        modelfile.read(with_text(tmp_path / "x.tflite", graph, text))


@pytest.mark.parametrize("crop", [NAN, POINTS, {"landmarks": POINTS, "source": ""}, Crop(((NAN, 0.5),) * 5)])
def test_a_record_made_with_a_wrong_crop_is_an_error(record, crop):
    with pytest.raises(ModelFormatError, match="the record's field 'crop' is missing or wrong"):
        record.with_(crop=crop)


def test_a_record_that_is_not_utf8_is_an_error(model_path, tmp_path, graph):
    text = model_path.read_bytes()
    at = text.index(b'"name": "tiny"') + len(b'"name": "')
    zeros = text.index(modelfile._KEY) + len(modelfile._KEY)
    changed = text[:zeros] + b"0" * 64 + text[zeros + 64 : at] + b"\xff" + text[at + 1 :]
    path = tmp_path / "x.tflite"
    path.write_bytes(changed[:zeros] + modelfile.sha256(changed).encode() + changed[zeros + 64 :])
    with pytest.raises(ModelFormatError, match="no JSON"):
        modelfile.read(path)
