"""Reading arrays from files of PyTorch without PyTorch, and from pickles of NumPy arrays.

A pickle can have any function called. Here it reaches those alone that make arrays.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

_MAGIC = 0x1950A86A20F9469CFC6C
"""What a file of PyTorch before 1.6 begins with."""

Storage = NDArray[np.float32]
"""The flat memory that tensors are views of."""


def load(data: bytes) -> dict[str, NDArray[Any]]:
    """Read a file's arrays.

    Args:
        data: A state dict as PyTorch wrote it before 1.6 (.pth), a network as TorchScript (.pt), or a
            pickle of arrays in dicts; tensors of float32 only.

    Returns:
        Array by name, such as `block.convolution.weight`, in the file's order.

    Raises:
        DataError: The file is none of these, or names something else than arrays.
    """
    try:
        content = _zipped(data) if data.startswith(b"PK") else _pickled(data)
    except (
        pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, struct.error, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise DataError(f"these are not the weights of a network: {error}") from error
    arrays = {name.removesuffix("."): array for name, array in _named(content)}
    if not arrays:
        raise DataError("these are not the weights of a network: there is no array")
    return arrays


def _zipped(data: bytes) -> Any:
    archive = zipfile.ZipFile(io.BytesIO(data))
    index = next((name for name in archive.namelist() if name.endswith("/data.pkl")), "data.pkl")

    def stored(key: str, length: int) -> Storage:
        return np.frombuffer(archive.read(index.replace("data.pkl", f"data/{key}")), "<f4", length)

    return _Unpickler(io.BytesIO(archive.read(index)), stored).load()


def _pickled(data: bytes) -> Any:
    file = io.BytesIO(data)
    storages: dict[str, Storage] = {}

    def reserved(key: str, length: int) -> Storage:
        return storages.setdefault(key, np.empty(length, "<f4"))

    def following() -> Any:
        return _Unpickler(file, reserved).load()

    content = following()
    if content == _MAGIC:
        _version, _system, content, keys = (following() for _ in range(4))
        for key in keys:  # the memory comes behind the tensors that are views of it
            (length,) = struct.unpack("<q", file.read(8))
            storages[key][:] = np.frombuffer(file.read(4 * length), "<f4")
    return content


class _Module(dict[str, Any]):
    """A module of TorchScript, as a dict of what it holds."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.update(state)


def _tensor(storage: Storage, offset: int, shape: Sequence[int], strides: Sequence[int], *_: Any) -> Storage:
    # NumPy refuses a view that leaves the storage.
    return np.ndarray(tuple(shape), "<f4", storage, 4 * offset, [4 * stride for stride in strides])


_RECONSTRUCT = np.empty(0).__reduce__()[0]
_KNOWN = {
    ("collections", "OrderedDict"): OrderedDict,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("torch", "FloatStorage"): np.float32,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch.jit._pickle", "build_intlist"): list,
}


class _Unpickler(pickle.Unpickler):
    """Makes arrays, and nothing else."""

    def __init__(self, file: io.BytesIO, storage: Callable[[str, int], Storage]) -> None:
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__."):
            return _Module
        if (module, name) not in _KNOWN:
            raise DataError(f"weights have no need of {module}.{name}, which this file names")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        _, _, key, _, length = pid[:5]
        return self._storage(key, length)


def _named(content: Any, name: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(content, np.ndarray):
        yield name, content
    elif isinstance(content, dict):
        for key, inner in content.items():
            yield from _named(inner, f"{name}{key}.")
