from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from ferlite.errors import ModelFormatError, RuntimeMissingError, UsageError
from ferlite.models import backends, modelfile, registry
from ferlite.models.graph_builder import GraphBuilder
from ferlite.models.runtime import LoadedModel


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size": (64, 64)}, "size and channels"),
        ({"channels": "rgb"}, "size and channels"),
        ({"scheme": "int8"}, "scheme"),
        ({"labels": ("happy", "sad")}, "labels"),
    ],
)
def test_a_record_that_contradicts_the_graph_says_which_field(tmp_path, graph, record, changes, field):
    path = modelfile.write(tmp_path / "wrong.tflite", graph, record.with_(**changes))
    with pytest.raises(ModelFormatError, match=f"record says {field}"):
        LoadedModel(path)


def test_outputs_are_copies(model_path):
    model = LoadedModel(model_path)
    first = model.run(np.full((1, 48, 48, 1), 255, np.float32))[0]
    before = first.copy()
    model.run(np.zeros((1, 48, 48, 1), np.float32))
    np.testing.assert_array_equal(first, before)


def test_a_graph_that_the_runtime_refuses_is_a_clear_error(tmp_path, graph):
    path = tmp_path / "cut.tflite"
    path.write_bytes(graph[: len(graph) // 2])
    with pytest.raises(ModelFormatError, match=r"cut\.tflite"):
        LoadedModel(path)


def test_the_runtime_names_itself_with_its_version():
    assert backends.runtime("litert").name.startswith("LiteRT ")


def test_without_any_runtime_the_error_gives_the_install_line(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(backends, "import_module", missing)
    backends.runtime.cache_clear()
    try:
        with pytest.raises(RuntimeMissingError, match="pip install ai-edge-litert"):
            backends.runtime()
    finally:
        backends.runtime.cache_clear()


def test_a_runtime_whose_import_was_interrupted_is_not_taken_for_missing(monkeypatch):
    """Numpy's part of a native module makes an ImportError of Ctrl-C."""

    def interrupted(name):
        raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.setattr(backends, "import_module", interrupted)
    monkeypatch.setitem(backends.RUNTIMES, "tensorflow", lambda: pytest.fail("TensorFlow became the runtime"))
    backends.runtime.cache_clear()
    try:
        with pytest.raises(RuntimeMissingError, match="litert is installed and can't be imported"):
            backends.runtime()
    finally:
        backends.runtime.cache_clear()


def test_a_number_of_threads_that_no_runtime_takes_is_refused(model_path):
    with pytest.raises(UsageError, match="threads is 2147483648; it must be a whole number, from 1 to 1024"):
        LoadedModel(model_path, threads=2**31)


def test_xnnpack_takes_the_graph(model_path):
    assert LoadedModel(model_path).uses_xnnpack


def test_threads_that_share_a_model_get_what_a_single_one_gets():
    model = LoadedModel(registry.path("ferlite-m"))
    faces = np.random.default_rng(0).integers(-128, 128, (64, 1, 48, 48, 1)).astype(np.int8)
    alone = [model.run(face)[0] for face in faces]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda face: model.run(face)[0], [*faces] * 4))
    np.testing.assert_array_equal(together, alone * 4)


@pytest.mark.parametrize(("inputs", "outputs"), [([], []), ([0], []), ([], [2]), ([0, 1], [2])])
def test_a_graph_with_other_inputs_and_outputs_than_its_record_is_a_clear_error(tmp_path, record, inputs, outputs):
    builder = GraphBuilder()
    for name in ("one", "other", "sum"):
        builder.tensor(name, (1, 48, 48, 1))
    builder.operator(schema.BuiltinOperator.ADD, [0, 1], 2, schema.AddOptionsT())
    path = modelfile.write(tmp_path / "odd.tflite", builder.build(inputs, outputs), record)
    with pytest.raises(ModelFormatError, match=r"odd\.tflite"):
        LoadedModel(path)
