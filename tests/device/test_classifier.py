import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ferlite import Classifier
from ferlite.device.types import Face
from ferlite.errors import DataError, ModelFormatError, UnknownNameError, UsageError
from ferlite.models import modelfile, registry
from ferlite.models.labels import FER2013_LABELS


@pytest.mark.parametrize("label", range(7))
def test_each_planted_class_comes_out_under_its_own_label(model_path, banded, label):
    assert Classifier.load(model_path)(banded(label)).label == FER2013_LABELS[label]


@pytest.mark.parametrize("size", [(48, 48), (96, 96), (200, 200)])
@pytest.mark.parametrize("channels", [None, 1, 3, 4])
def test_a_face_of_any_size_and_colour_is_taken(model_path, banded, size, channels):
    face = cv2.resize(banded(4), size, interpolation=cv2.INTER_NEAREST)
    if channels is not None:
        face = np.repeat(face[..., None], channels, axis=2)
    expression = Classifier.load(model_path)(face)
    assert expression.label == "sad"
    assert expression.confidence == pytest.approx(float(expression.probabilities.max()))


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60), st.just(3))))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_probabilities_of_any_picture_sum_to_one(model_path, image):
    probabilities = Classifier.load(model_path)(image).probabilities
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert (probabilities >= 0).all()


def test_what_is_no_picture_is_refused(model_path):
    with pytest.raises(DataError, match="float64"):
        Classifier.load(model_path)(np.zeros((48, 48)))  # type: ignore[arg-type]


def test_none_where_a_picture_should_be_is_explained(model_path):
    classifier = Classifier.load(model_path)
    face = Face((0.0, 0.0, 9.0, 9.0), 1.0, np.zeros((5, 2), np.float32))
    for call in (classifier, classifier.classify, lambda none: classifier.read(none, face)):
        with pytest.raises(DataError, match=r"None instead of a picture; cv2\.imread returns it"):
            call(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("crop", [np.zeros((2, 2), np.uint8), np.zeros((48, 48, 3), np.uint8), "a", [[1]]])
def test_a_crop_of_another_shape_is_refused(model_path, crop):
    with pytest.raises(DataError, match="must be"):
        Classifier.load(model_path).classify(crop)


def test_temperature_softens_confidence_and_keeps_the_label(tmp_path, graph, record, banded):
    sharp, soft = (
        Classifier.load(modelfile.write(tmp_path / f"{t}.tflite", graph, record.with_(temperature=t)))(banded(2))
        for t in (1.0, 4.0)
    )
    assert sharp.label == soft.label
    assert sharp.confidence > soft.confidence


def test_a_face_in_a_frame_is_cut_by_the_models_own_geometry(model_path, record, banded):
    classifier = Classifier.load(model_path)
    frame = np.zeros((240, 320, 3), np.uint8)
    frame[60:156, 100:196] = cv2.resize(banded(5), (96, 96), interpolation=cv2.INTER_NEAREST)[..., None]
    landmarks = np.array(record.crop.landmarks, np.float32) * 96 + [100, 60]
    assert classifier.read(frame, Face((0, 0, 1, 1), 1.0, landmarks)).label == "surprise"


def test_a_file_without_record_runs_when_its_labels_are_named(tmp_path, graph, banded):
    path = tmp_path / "foreign.tflite"
    path.write_bytes(graph)
    with pytest.raises(ModelFormatError, match=r"no ferlite record.*name them"):
        Classifier.load(path)
    names = ["neutral", "happy", "sad", "anger", "fear", "disgust", "surprise"]
    assert Classifier.load(path, labels=names)(banded(3)).label == "angry"
    with pytest.raises(ModelFormatError, match="not a classifier of 2 labels"):
        Classifier.load(path, labels=["happy", "sad"])
    with pytest.raises(UnknownNameError, match="did you mean 'happy'"):
        Classifier.load(path, labels=["hapy", "sad"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ["happy", "sad"]}, r"has the labels angry, .*, not happy, sad; leave out labels= \(--labels\)"),
        ({"pixels": (-1, 1)}, r"has the pixels 0.0, 255.0, not -1, 1; leave out pixels= \(--pixels\)"),
    ],
)
def test_labels_and_pixels_that_contradict_the_record_are_refused(model_path, options, message):
    with pytest.raises(UsageError, match=message):
        Classifier.load(model_path, **options)


def test_labels_and_pixels_may_be_those_of_the_record(model_path):
    labels = ["anger", "disgust", "fear", "happiness", "sad", "surprise", "neutral"]
    assert Classifier.load(model_path, labels=labels, pixels=(0, 255)).labels[0] == "angry"


def test_a_model_that_is_not_for_expressions_is_refused():
    with pytest.raises(ModelFormatError, match="face-landmarks, not an expression classifier"):
        Classifier.load(registry.path("onet"))
