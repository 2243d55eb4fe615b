"""How the model behind the data set `eigenfaces` is made from FER2013.

What makes the samples faces with plain expressions, beside the principal components:

- only the quarter of each class that is most like the class's own mean goes in (a trimmed mean, found by
  iteration): turned, cut and mislabelled faces blur the statistics and come out as ghosts;
- every face goes in with its mirror image, so that no side is special;
- the class means are moved away from their common mean ("caricature": Brennan 1985);
- the classes share one covariance, the mean of theirs, as in linear discriminant analysis (Fisher 1936):
  a network must tell the expressions by what a face shows, not by the texture of its class's noise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.dataset import Dataset
from ..errors import DataError
from ..models.eigenfaces import PATH, SIDE
from ..models.files import replacing
from ..models.labels import FER2013_LABELS

_Array = NDArray[np.floating[Any]]
_TRIM_ROUNDS = 8


def build(
    data: Dataset,
    path: str | Path = PATH,
    *,
    components: int = 150,
    share: float = 0.25,
    caricature: float = 3.0,
) -> Path:
    """Make the model from a data set's `train` split and write it.

    The same machine and library versions give the same bytes; others differ by a step of the rounding.

    Args:
        data: FER2013, or 48 x 48 faces with the same labels.
        path: npz file to write: mean int32 [2304], components int8 [k, 2304], means int32 [7, k],
            lower triangle of the covariance's symmetric root int16 [k * (k + 1) / 2], and `about`, a
            JSON text.
        components: How many principal components.
        share: Share of each class that goes in.
        caricature: Factor to the distance of the class means from their common mean.

    Raises:
        DataError: Other labels or sizes, or a class with too few faces.
        OutputError: The file can't be written.
    """
    faces, labels = _typical(data, share)
    faces = np.concatenate([faces, _mirrored(faces)])
    labels = np.concatenate([labels, labels])
    mean = faces.mean(0)
    basis, explained = _components(faces - mean, components)
    # Each component's peak becomes 127; its coefficients take the other factor.
    scales = np.abs(basis).max(1, keepdims=True) / 127
    coefficients = (faces - mean) @ (basis * scales).T
    of_class = [coefficients[labels == code] for code in range(len(FER2013_LABELS))]
    means = np.array([c.mean(0) for c in of_class])
    means = means.mean(0) + caricature * (means - means.mean(0))
    root = _root(np.mean([np.cov(c.T) for c in of_class], axis=0))
    unit = np.abs(root).max() / np.iinfo(np.int16).max
    about = {
        "data": data.name,
        "data_sha256": data.sha256,
        "faces": [len(c) // 2 for c in of_class],
        "components": components,
        "share": share,
        "caricature": caricature,
        "explained": round(explained, 4),
    }
    with replacing(path) as temporary:
        # numpy dates the entries 1980, so that nothing but the content shows in the bytes.
        np.savez_compressed(
            temporary,
            mean=np.rint(mean / unit).astype(np.int32),
            components=np.rint(basis / scales).astype(np.int8),
            means=np.rint(means / unit).astype(np.int32),
            root=np.rint(root / unit).astype(np.int16)[np.tril_indices(components)],
            about=np.array(json.dumps(about)),
        )
    return Path(path)


def _typical(data: Dataset, share: float) -> tuple[_Array, NDArray[np.int64]]:
    """Return the faces most like their class's mean, each with mean 0 and variance 1, and their labels."""
    train = data.split("train")
    if data.label_names != FER2013_LABELS or train.images.shape[1:] != (SIDE, SIDE):
        raise DataError(
            f"eigenfaces are made of {SIDE} x {SIDE} faces with the labels {', '.join(FER2013_LABELS)}; "
            f"{data.name} has {', '.join(data.label_names)}"
        )
    flat = train.images.reshape(len(train), -1)
    # 12 pictures of FER2013 are one constant grey.
    some_contrast = flat.min(1) < flat.max(1)
    faces, labels = flat[some_contrast].astype(np.float64), train.labels[some_contrast]
    faces -= faces.mean(1, keepdims=True)
    faces /= faces.std(1, keepdims=True)
    chosen = []
    for code, label in enumerate(FER2013_LABELS):
        members = np.flatnonzero(labels == code)
        count = int(len(members) * share)
        if count < 2:
            raise DataError(f"{share:.0%} of the {len(members)} faces {label!r} in {data.name} are too few")
        typical = members
        for _ in range(_TRIM_ROUNDS):
            mean = faces[typical].mean(0, keepdims=True)
            likeness = faces[members] @ (mean + _mirrored(mean))[0]
            typical = members[np.argsort(-likeness, kind="stable")[:count]]
        chosen.append(np.sort(typical))
    places = np.concatenate(chosen)
    return faces[places], labels[places]


def _mirrored(faces: _Array) -> _Array:
    return faces.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(-1, SIDE**2)


def _components(centred: _Array, count: int) -> tuple[_Array, float]:
    """Return the first principal components, float64 [count, 2304], and the variance they explain."""
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    basis = vectors.T[::-1][:count]
    # A component's sign is arbitrary: its peak in the left half is positive. With mirrored faces a
    # component's two halves are alike, so over the whole width the peak would be a tie.
    left = basis.reshape(count, SIDE, SIDE)[:, :, : SIDE // 2].reshape(count, -1)
    peaks = left[np.arange(count), np.abs(left).argmax(1)]
    return basis * np.sign(peaks)[:, None], float(variances[-count:].sum() / variances.sum())


def _root(covariance: _Array) -> _Array:
    variances, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(variances, 0))) @ vectors.T
