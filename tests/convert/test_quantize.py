import numpy as np
import pytest

from ferlite.convert import budget, interpreter, layers, package, quantize, verify
from ferlite.device.classifier import Classifier
from ferlite.errors import ModelFormatError, UnknownNameError
from ferlite.models import modelfile
from ferlite.models.record import INPUT_DTYPES
from ferlite.models.runtime import LoadedModel
from ferlite.train.heads import Head
from ferlite.train.training import Run


@pytest.fixture(scope="module")
def made(run, data, tmp_path_factory):
    """One model file of every scheme, by scheme."""
    out = tmp_path_factory.mktemp("schemes")
    return package.convert(run, data, out, schemes=list(quantize.SCHEMES), calibration=64, budget=100, inspected=True)


@pytest.mark.parametrize("scheme", quantize.SCHEMES)
def test_every_scheme_runs_on_the_device_as_its_record_says(made, data, scheme):
    classifier = Classifier.load(made[scheme].path)
    assert classifier.record.scheme == scheme
    assert np.dtype(classifier.model.inputs[0]["dtype"]) == INPUT_DTYPES[scheme]
    faces = data.split("validation")
    accuracy = (classifier.logits(faces.images).argmax(axis=1) == faces.labels).mean()
    assert accuracy == pytest.approx(made[scheme].accuracy)
    assert made[scheme].agreement >= 0.95
    assert ("faces" in classifier.record.calibration) == (scheme in ("int8", "int16x8"))


def test_xnnpack_takes_every_scheme_but_int16x8(made):
    assert {scheme: model.xnnpack for scheme, model in made.items()} == {
        "int8": 1.0,
        "int8-dynamic": 1.0,
        "int16x8": 0.0,
        "float16": 1.0,
        "float32": 1.0,
    }


def test_size_follows_the_weights(made):
    size = {scheme: model.path.stat().st_size for scheme, model in made.items()}
    assert size["int8"] < size["float16"] < size["float32"]


def test_a_scheme_that_does_not_exist_is_named(run, data, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'int16x8'"):
        package.convert(run, data, tmp_path, schemes=["int16"])  # type: ignore[list-item]


def test_a_scheme_other_than_int8_that_answers_otherwise_is_refused(graphs, graph, data):
    with pytest.raises(ModelFormatError, match="float16 and float agree on only"):
        verify.verify(graph, graphs[0], data.split("validation").images, "float16")


def test_a_layer_kept_in_float_is_the_only_one(graphs, run, data, tmp_path):
    floating, ranges, _ = graphs
    images = data.split("validation").images[:30]
    known = layers.layers(floating)
    first = next(layer for layer in known if layer.operator == "CONV_2D")
    quantized = quantize.quantize(floating, ranges, keep_float=[first])
    assert verify.verify(quantized, floating, images, keep_float=[first]) >= 0.9
    with pytest.raises(ModelFormatError, match="is still in float"):
        verify.verify(quantized, floating, images)
    with pytest.raises(ModelFormatError, match="should have stayed in float"):
        verify.verify(quantized, floating, images, keep_float=[first, known[-1]])
    record = package._record(run, data).with_(scheme="int8", kept_float=(first.name,))
    path = modelfile.write(tmp_path / "mixed.tflite", quantized, record)
    written = modelfile.read(path).record
    assert written is not None
    assert written.kept_float == (first.name,)
    assert Classifier.load(path).logits(images).shape == (30, 7)


def test_layers_are_chosen_by_name_by_their_first_part_or_by_an_expression(graphs):
    known = layers.layers(graphs[0])
    conv = next(layer for layer in known if layer.operator == "CONV_2D")
    assert layers.choose(known, [conv.name]) == [conv]
    assert layers.choose(known, [conv.name.split("/")[0]]) == [conv]
    assert {layer.operator for layer in layers.choose(known, [r"conv2d.*"])} == {"CONV_2D"}
    with pytest.raises(UnknownNameError, match="no layer"):
        layers.choose(known, ["conv["])


def test_within_the_budget_no_layer_stays_in_float(graphs, data):
    floating, ranges, quantized = graphs
    faces = data.split("validation")
    got, kept = budget.quantize_within(floating, ranges, faces, 100, faces.images)
    assert (got, kept) == (quantized, [])


def test_beyond_the_budget_the_layer_at_fault_stays_in_float_and_no_other(graphs, data):
    floating, ranges, _ = graphs
    faces = data.split("train")[np.arange(200)]
    conv = [layer for layer in layers.layers(floating) if layer.operator == "CONV_2D"][1]
    wide = {side: value * 300 for side, value in ranges[conv.output].items()}
    got, kept = budget.quantize_within(floating, ranges | {conv.output: wide}, faces, 3, faces.images)
    assert conv in kept
    assert len(kept) <= 2
    assert interpreter.accuracy(got, faces) >= interpreter.accuracy(floating, faces) - 0.03


def test_labels_keep_their_order_through_the_whole_chain(run, data, tmp_path):
    planted = Planted(run.folder, run.recipe, run.info)
    made = package.convert(planted, data, tmp_path, budget=100, calibration=64)
    for model in made.values():
        classifier = Classifier.load(model.path)
        for place, label in enumerate(data.label_names):
            image = np.full((48, 48), 60, np.uint8)
            image[place * 6 : place * 6 + 6] = 250
            assert classifier(image).label == label


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_litert_and_tensorflow_give_the_same_bits(made, data):
    pytest.importorskip("tensorflow")
    images = data.split("validation").images[:50]
    for scheme in ("int8", "int8-dynamic", "float32"):
        here, there = (Classifier.load(made[scheme].path, runtime=name) for name in ("litert", "tensorflow"))
        np.testing.assert_array_equal(here.logits(images), there.logits(images))


def test_the_built_in_kernels_name_the_same_class(made, data):
    images = data.split("validation").images
    file = modelfile.read(made["int8"].path)
    scale, zero = LoadedModel(file).outputs[0]["quantization"]
    without = interpreter.load_whole(file.content)
    built_in = np.array([interpreter.answer(without, image) for image in images], np.float32)
    delegated = Classifier.load(made["int8"].path).logits(images)
    # Sums are rounded otherwise in each layer, so a logit may be off by some steps.
    assert np.abs((built_in - zero) * scale - delegated).max() <= 8 * scale
    assert (built_in.argmax(axis=1) == delegated.argmax(axis=1)).mean() >= 0.95


class Planted(Run):
    """A run whose network answers with the brightest of seven bands of the picture."""

    def network(self, head: Head = "labels"):
        import keras

        pixels = keras.Input((48, 48, 1), name="pixels")
        scaled = keras.layers.Rescaling(1 / 255, name="scale")(pixels)
        logits = keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(scaled))
        model = keras.Model(pixels, keras.layers.Softmax()(logits))
        bands = np.zeros((48, 48, 7), np.float32)
        for label in range(7):
            bands[label * 6 : label * 6 + 6, :, label] = 10 / (6 * 48)
        model.get_layer("logits").set_weights([bands.reshape(-1, 7), np.zeros(7, np.float32)])
        return model
