import contextlib
import random
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ferlite.errors import MissingFileError, ModelFormatError
from ferlite.models import modelfile
from ferlite.models.record import Record
from ferlite.models.runtime import LoadedModel


def test_what_was_written_is_read_back(model_path, record):
    assert modelfile.read(model_path).record == record


def test_a_file_with_a_record_still_runs(model_path):
    pixels = np.zeros((1, 48, 48, 1), np.float32)
    pixels[0, 12:18] = 255
    assert LoadedModel(model_path).run(pixels)[0][0].argmax() == 2


def test_other_tools_find_the_labels_with_unzip(model_path, record):
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed")
    listed = subprocess.run(["unzip", "-p", model_path, "labels.txt"], capture_output=True, check=True)
    assert listed.stdout.decode().split() == list(record.labels)
    assert listed.stderr == b""
    assert zipfile.ZipFile(model_path).testzip() is None


def test_writing_again_gives_the_same_bytes(tmp_path, graph, record, model_path):
    assert modelfile.write(tmp_path / "again.tflite", graph, record).read_bytes() == model_path.read_bytes()


def test_a_record_in_the_graph_is_replaced(tmp_path, model_path, record):
    other = record.with_(name="other")
    path = modelfile.write(tmp_path / "other.tflite", model_path.read_bytes(), other)
    assert modelfile.read(path).record == other


def test_any_flipped_bit_is_an_error(model_path, tmp_path):
    content = model_path.read_bytes()
    draw = random.Random(1)
    # Everywhere, and densely where tables, record and zip lie: head and tail.
    places = [draw.randrange(len(content)) for _ in range(300)]
    places += [*range(8, 200), *range(len(content) - 3000, len(content), 7)]
    damaged = tmp_path / "damaged.tflite"
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1 << draw.randrange(8)
        damaged.write_bytes(changed)
        with pytest.raises(ModelFormatError, match=r"damaged\.tflite"):
            modelfile.read(damaged)


def test_any_cut_is_an_error(model_path, tmp_path):
    content = model_path.read_bytes()
    damaged = tmp_path / "damaged.tflite"
    for length in [0, 3, 7, 8, 20, *range(100, len(content), 997), len(content) - 1]:
        damaged.write_bytes(content[:length])
        with pytest.raises(ModelFormatError):
            modelfile.read(damaged)


def test_a_graph_without_record_is_read_as_such(tmp_path, graph):
    path = tmp_path / "plain.tflite"
    path.write_bytes(graph)
    assert modelfile.read(path).record is None


def test_a_labels_zip_of_another_tool_is_no_trace_of_a_record(tmp_path, graph):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(graph)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    assert modelfile.read(path).record is None


@given(st.binary(max_size=300))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_garbage_behind_the_identifier_gets_through_as_anything_else_than_a_clear_error(tmp_path, garbage):
    path = tmp_path / "garbage.tflite"
    path.write_bytes(garbage[:4].ljust(4, b"\0") + b"TFL3" + garbage[4:])
    with contextlib.suppress(ModelFormatError):
        assert modelfile.read(path).record is None


def test_what_is_no_tflite_file_is_refused(tmp_path):
    (tmp_path / "photo.tflite").write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    with pytest.raises(ModelFormatError, match="no TFLite file"):
        modelfile.read(tmp_path / "photo.tflite")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.tflite"):
        modelfile.read(tmp_path / "none.tflite")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("labels", ("happy", "happy")),
        ("labels", ()),
        ("size", (48, 0)),
        ("scheme", "int4"),
        ("channels", "hsv"),
        ("task", "age"),
        ("temperature", 0.0),
        ("pixels", (1.0, 1.0)),
        ("output", "votes"),
    ],
)
def test_a_record_that_makes_no_sense_names_the_field(record, field, value):
    with pytest.raises(ModelFormatError, match=field):
        record.with_(**{field: value})


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 99}', '{"schema": 1, "name": "x"}', '{"schema": 1, "labels": 3}']
)
def test_a_record_that_can_not_be_read_is_an_error(text):
    with pytest.raises(ModelFormatError):
        Record.from_json(text)
