from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from ferlite.train.distillation import DistillationLoss, accuracy, soften  # noqa: E402

LABELS = np.eye(3, dtype=np.float32)[[0, 2]]
STUDENT = np.array([[2.0, 0.5, -1.0], [0.3, 0.1, 0.2]], np.float32)
TEACHER = np.array([[3.0, 1.0, -2.0], [-1.0, 2.0, 4.0]], np.float32)


def softmax(logits):
    exponents = np.exp(logits - logits.max(1, keepdims=True))
    return exponents / exponents.sum(1, keepdims=True)


def loss(weight=0.7, temperature=3.0) -> Any:
    return DistillationLoss(keras.losses.CategoricalCrossentropy(), weight, temperature)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_softening_needs_no_logits(temperature):
    np.testing.assert_allclose(soften(softmax(TEACHER), temperature), softmax(TEACHER / temperature), atol=1e-6)


def test_the_loss_is_that_of_its_paper():
    soft = softmax(TEACHER / 3)
    value = loss()(np.concatenate([LABELS, soft], axis=1), softmax(STUDENT))
    of_label = -(LABELS * np.log(softmax(STUDENT))).sum(1)
    of_teacher = -(soft * np.log(softmax(STUDENT / 3))).sum(1)
    assert float(value) == pytest.approx(float((0.3 * of_label + 0.7 * 9 * of_teacher).mean()), rel=1e-5)


def test_without_a_teacher_s_part_it_is_the_loss_of_the_label():
    expected: Any = keras.losses.CategoricalCrossentropy()(LABELS, softmax(STUDENT))
    assert float(loss()(LABELS, softmax(STUDENT))) == pytest.approx(float(expected))


def test_accuracy_looks_at_the_label_alone():
    wide = np.concatenate([LABELS, softmax(-TEACHER)], axis=1)
    assert np.asarray(accuracy(wide, softmax(STUDENT))).tolist() == [1, 0]


def test_the_loss_is_the_same_after_saving():
    again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss()))
    wide = np.concatenate([LABELS, softmax(TEACHER)], axis=1)
    assert float(again(wide, softmax(STUDENT))) == float(loss()(wide, softmax(STUDENT)))
