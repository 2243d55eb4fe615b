"""Expression labels: one spelling for each, and their order in FER2013."""

from __future__ import annotations

from ..errors import unknown

FER2013_LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's seven classes; a label's place is its code in fer2013.csv (Goodfellow et al. 2013)."""

LABELS = (*FER2013_LABELS, "contempt")
"""Every label ferlite knows; contempt is the eighth class of FER+ (Barsoum et al. 2016)."""

_ALIASES = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "sadness": "sad",
    "surprised": "surprise",
}


def canonical(name: str) -> str:
    """Return ferlite's spelling of an expression label.

    Args:
        name: A label as data sets write it, in any case ("Happiness", "anger", "sad").

    Raises:
        UnknownNameError: The label is not one of `LABELS` or a known synonym.
    """
    key = name.strip().lower()
    key = _ALIASES.get(key, key)
    if key not in LABELS:
        raise unknown("expression label", name, [*LABELS, *_ALIASES])
    return key
