import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ferlite.convert import calibrate, crop, export, package, quantize, verify
from ferlite.convert.interpreter import load_whole
from ferlite.convert.layers import layers
from ferlite.data import eigenfaces, ferplus
from ferlite.device.classifier import Classifier
from ferlite.errors import DataError, ModelFormatError, UsageError
from ferlite.models import modelfile
from ferlite.models.labels import FER2013_LABELS, LABELS
from ferlite.models.record import Record
from ferlite.models.runtime import LoadedModel
from ferlite.train import recipes
from ferlite.train.networks.build import build_network
from ferlite.train.training import train


@pytest.fixture(scope="module")
def converted(run, data, tmp_path_factory):
    steps = []
    result = package.convert(
        run, data, tmp_path_factory.mktemp("out"), calibration=64, licence="Apache-2.0", on_step=steps.append
    )
    return result, steps


def record_of(path: Path) -> Record:
    record = modelfile.read(path).record
    assert record is not None
    return record


def test_the_steps_come_in_their_order(converted):
    assert converted[1] == ["export", "calibrate", "quantize", "verify", "package"]


def test_int8_and_its_float_twin_carry_what_the_device_must_know(converted, run, data):
    result, _ = converted
    for path, scheme in ((made.path, scheme) for scheme, made in result.items()):
        record = record_of(path)
        assert record.scheme == scheme
        assert record.labels == FER2013_LABELS
        assert (record.size, record.channels) == ((48, 48), "grey")
        assert record.data["sha256"] == data.sha256
        assert record.data["faces"]["train"] == 420
        assert record.parameters == run.info["parameters"]
        assert record.macs == run.info["macs"]
        assert record.licence == "Apache-2.0"
        assert record.limits
        assert record.accuracy["validation"]["count"] == 105
        assert set(record.accuracy["validation"]) == {"count", "int8", "float32"}
        assert record.crop is not None
    assert record_of(result["int8"].path).calibration["faces"] == 64


def test_the_two_answer_alike_and_int8_is_smaller(converted):
    result, _ = converted
    assert result["int8"].agreement >= 0.95
    assert result["int8"].path.stat().st_size < 0.5 * result["float32"].path.stat().st_size


def test_the_exported_graph_gives_what_keras_gives(graphs, run, data, tmp_path):
    images = data.split("validation").images[:10]
    path = modelfile.write(tmp_path / "x.tflite", graphs[0], package._record(run, data))
    here = Classifier.load(path).probabilities(images)
    np.testing.assert_allclose(here, run.network().predict(images[..., None], verbose=0), atol=1e-5)


def test_the_crop_geometry_is_where_the_faces_have_their_landmarks(converted):
    crop = record_of(converted[0]["int8"].path).crop
    assert crop is not None
    points = np.array(crop.landmarks)
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    assert left_eye[0] == pytest.approx(1 - right_eye[0], abs=1e-3)
    assert nose[0] == pytest.approx(0.5, abs=1e-3)
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert 0.25 < left_eye[0] < left_mouth[0] < 0.5
    assert left_mouth[1] == pytest.approx(right_mouth[1], abs=1e-3)


def test_pictures_without_faces_give_no_geometry():
    with pytest.raises(DataError, match="found a face in only 0 of 12"):
        crop.measure(np.zeros((12, 48, 48), np.uint8), "nothing")


def test_int8_input_is_the_pixel_minus_128(graphs, tmp_path, run, data):
    record = package._record(run, data).with_(scheme="int8")
    model = LoadedModel(modelfile.write(tmp_path / "x.tflite", graphs[2], record))
    assert model.inputs[0]["quantization"] == (1.0, -128)
    assert verify.verify(graphs[2], graphs[0], data.split("validation").images[:20]) > 0.9


def test_an_input_range_that_was_not_pinned_is_refused(graphs, data):
    floating, ranges, _ = graphs
    name = next(key for key in ranges if "pixels" in key)
    short = ranges | {name: {"min": ranges[name]["min"], "max": ranges[name]["max"] * 0.94}}
    with pytest.raises(ModelFormatError, match="must be pinned"):
        verify.verify(quantize.quantize(floating, short), floating, data.split("train").images[:2])


def test_pixels_that_saturate_behind_the_input_are_refused(graphs, data):
    floating, ranges, _ = graphs
    short = {
        name: {side: value * 0.9 for side, value in r.items()} if "/scale" in name else r for name, r in ranges.items()
    }
    with pytest.raises(ModelFormatError, match="saturates"):
        verify.verify(quantize.quantize(floating, short), floating, data.split("train").images[:2])


def test_a_float_graph_is_no_int8_model(graphs, data):
    with pytest.raises(ModelFormatError, match="is still in float in int8"):
        verify.verify(graphs[0], graphs[0], data.split("train").images[:2])


def test_an_int8_graph_that_answers_otherwise_is_refused(graphs, run, data):
    network = run.network()
    layer = network.get_layer("logits")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel[:, ::-1], bias[::-1]])
    with pytest.raises(ModelFormatError, match="agree on only"):
        verify.verify(graphs[2], export.export(network), data.split("validation").images)


def test_weights_that_are_no_numbers_are_refused(run):
    network = run.network()
    layer = network.get_layer("logits")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * np.nan, bias])
    with pytest.raises(DataError, match="not finite"):
        export.export(network)


@pytest.mark.parametrize("network", ["plain-residual-branches", "plain-residual-excite"])
def test_branches_are_folded_and_attention_is_int8_throughout(network, data):
    model = build_network(network, 7, width=0.25)
    trained: Any = SimpleNamespace(network=lambda head: model)
    floating = package.exported(trained, data)
    plain = export.export(build_network("plain-residual", 7, width=0.25))
    assert (len(layers(floating)) == len(layers(plain))) == (network == "plain-residual-branches")
    graph = quantize.quantize(floating, calibrate.calibrate(floating, data.split("train").images[:8]))
    assert not [tensor for tensor in load_whole(graph).get_tensor_details() if tensor["dtype"] is np.float32]


def test_other_data_than_the_runs_are_refused(run, tmp_path):
    with pytest.raises(DataError, match="is not the data"):
        package.convert(run, eigenfaces.dataset(70, 14, 0, seed=9), tmp_path)


def test_a_run_that_is_not_finished_is_refused(run, data, tmp_path):
    info = {key: value for key, value in run.info.items() if key != "best"}
    with pytest.raises(UsageError, match="is not finished"):
        package.convert(dataclasses.replace(run, info=info), data, tmp_path)


def test_a_calibration_set_of_one_class_is_refused(data):
    train_split = data.split("train")
    with pytest.raises(DataError, match="of one class"):
        calibrate.calibration_set(train_split[train_split.labels == 3])


def test_each_of_two_heads_becomes_a_model_of_its_own(data, tmp_path):
    # Everybody votes for the label, but nobody knows what the first 50 rows show.
    usage = {"train": "Training", "validation": "PublicTest", "test": "PrivateTest"}
    columns = [ferplus._NAMES.index(name) for name in data.label_names]
    lines = {}
    for split, part in data.splits.items():
        for row, label in zip(part.rows.tolist(), part.labels.tolist(), strict=True):
            counts = ["10" if column == columns[label] else "0" for column in range(8)]
            lines[row] = ",".join([usage[split], "", *counts, "10" if row < 50 else "0", "0"])
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    (tmp_path / "votes.csv").write_text("\n".join([header, *(lines[row] for row in sorted(lines))]) + "\n")
    recipe = recipes.load("quickstart").model_copy(update={"epochs": 3, "ferplus_head": 1.0})
    both = train(recipe, data, tmp_path / "run", votes=ferplus.read(tmp_path / "votes.csv"))
    first = package.convert(both, data, tmp_path, schemes=["int8"])["int8"]
    second = package.convert(both, data, tmp_path, schemes=["int8"], head="ferplus")["int8"]
    assert (first.path.name, second.path.name) == ("quickstart.tflite", "quickstart-ferplus.tflite")
    records = [record_of(made.path) for made in (first, second)]
    assert [record.labels for record in records] == [FER2013_LABELS, LABELS]
    assert records[1].parameters == records[0].parameters + 65
    assert records[1].accuracy["validation"]["count"] == 105
    assert min(first.accuracy, second.accuracy) > 0.5
