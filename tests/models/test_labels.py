import pytest

from ferlite.errors import FerliteError, UnknownNameError
from ferlite.models.labels import FER2013_LABELS, LABELS, canonical


def test_order_is_that_of_the_codes_in_fer2013_csv():
    assert FER2013_LABELS == ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize(
    ("written", "label"),
    [("Happiness", "happy"), (" anger ", "angry"), ("SAD", "sad"), ("Surprised", "surprise"), ("contempt", "contempt")],
)
def test_other_spellings_become_canonical(written, label):
    assert canonical(written) == label


def test_every_label_is_its_own_spelling():
    assert [canonical(name) for name in LABELS] == list(LABELS)


def test_an_unknown_label_is_refused_with_the_nearest_known_one():
    with pytest.raises(UnknownNameError, match="'hapy'; did you mean 'happy'"):
        canonical("hapy")


def test_errors_are_also_the_builtin_that_fits():
    assert issubclass(UnknownNameError, FerliteError)
    assert issubclass(UnknownNameError, KeyError)
