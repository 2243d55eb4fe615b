"""A model in a TFLite runtime: pixels in, numbers out."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError, check_range
from . import modelfile, probe, registry
from .backends import runtime
from .native_log import muted_stderr
from .record import INPUT_DTYPES, Record


class LoadedModel:
    """A model file in a runtime, ready to run. Threads may share it: their calls take turns."""

    def __init__(self, file: modelfile.ModelFile | str | Path, *, threads: int = 1, runtime_name: str = ""):
        """Load a model. One that ferlite did not ship is first tried in a child process, see `probe`.

        Args:
            file: A model file that was read, or its path.
            threads: Threads for one inference.
            runtime_name: A name in `RUNTIMES`; the first installed one if empty.

        Raises:
            UsageError: `threads` is no whole number from 1 to 1024.
            MissingFileError: There is no such file.
            ModelFormatError: The file is damaged, the runtime refuses it or crashes, or the record
                contradicts the graph.
            RuntimeMissingError: No TFLite runtime is installed.
        """
        check_range("threads", threads, 1, 1024, whole=True)
        if not isinstance(file, modelfile.ModelFile):
            file = modelfile.read(file)
        self.path = file.path
        self.record = file.record
        self.runtime = runtime(runtime_name)
        self._lock = threading.Lock()
        if not registry.is_shipped(file.content):
            probe.probe(file.content, file.path, runtime_name)
        try:
            with muted_stderr():
                self._interpreter = self.runtime.interpreter(model_content=file.content, num_threads=threads)
                self._interpreter.allocate_tensors()
            self.inputs: list[dict[str, Any]] = self._interpreter.get_input_details()
            self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()
            self._quantization = [tuple(map(np.float32, detail["quantization"])) for detail in self.outputs]
        except (ValueError, RuntimeError) as error:
            raise ModelFormatError(f"{file.path}: {self.runtime.name} refuses the model: {error}") from error
        if file.record is not None:
            self._compare_with_graph(file.record)

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run one inference.

        Args:
            inputs: One array for each input, of the graph's shape and dtype.

        Returns:
            The outputs in the graph's order as float32, de-quantized, in memory of their own.

        Raises:
            ModelFormatError: The graph can't compute these inputs.
        """
        return [_dequantized(raw, *by) for raw, by in zip(self.run_raw(*inputs), self._quantization, strict=True)]

    def run_raw(self, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Run one inference and return the outputs as the graph gives them (copied); see `run` for the errors."""
        with self._lock:
            for value, detail in zip(inputs, self.inputs, strict=True):
                self._interpreter.set_tensor(detail["index"], value)
            try:
                self._interpreter.invoke()
            except RuntimeError as error:
                raise ModelFormatError(f"{self.path}: {self.runtime.name} can't run the model: {error}") from error
            return [self._interpreter.get_tensor(detail["index"]) for detail in self.outputs]

    @property
    def operators(self) -> list[str]:
        """Names of the graph's operators in order; a DELEGATE after them stands for those that XNNPACK runs."""
        return [op["op_name"] for op in self._interpreter._get_ops_details()]

    @property
    def uses_xnnpack(self) -> bool:
        """Whether the XNNPACK delegate runs at least a part of the graph."""
        return "DELEGATE" in self.operators

    @property
    def xnnpack_share(self) -> float:
        """Share of the graph's operators that the XNNPACK delegate runs, 0 to 1."""
        operators = self._interpreter._get_ops_details()
        graph = [op for op in operators if op["op_name"] != "DELEGATE"]
        writer = {int(tensor): place for place, op in enumerate(graph) for tensor in op["outputs"]}
        taken: set[int] = set()
        # The runtime does not list them: walk back from a delegate's outputs to its inputs.
        for delegate in (op for op in operators if op["op_name"] == "DELEGATE"):
            given = {int(tensor) for tensor in delegate["inputs"]}
            wanted = [int(tensor) for tensor in delegate["outputs"]]
            while wanted:
                tensor = wanted.pop()
                if tensor not in given and tensor in writer and writer[tensor] not in taken:
                    taken.add(writer[tensor])
                    wanted += [int(read) for read in graph[writer[tensor]]["inputs"]]
        return len(taken) / len(graph) if graph else 0.0

    def _compare_with_graph(self, record: Record) -> None:
        if len(self.inputs) != 1 or not self.outputs:
            self._contradiction("one input", f"{len(self.inputs)} inputs and {len(self.outputs)} outputs")
        shape = tuple(int(n) for n in self.inputs[0]["shape"])
        expected = (1, *record.size, 1 if record.channels == "grey" else 3)
        if shape != expected:
            self._contradiction(f"size and channels {expected}", f"{shape}")
        dtype = np.dtype(self.inputs[0]["dtype"]).name
        if dtype != INPUT_DTYPES[record.scheme]:
            self._contradiction(f"scheme {record.scheme}", f"{dtype} input")
        output = tuple(int(n) for n in self.outputs[0]["shape"])
        if record.task == "expression" and output != (1, len(record.labels)):
            self._contradiction(f"labels {len(record.labels)}", f"an output of shape {output}")

    def _contradiction(self, stated: str, found: str) -> None:
        raise ModelFormatError(f"{self.path}: the record says {stated}, the graph has {found}; convert again")


def _dequantized(raw: NDArray[Any], scale: np.float32, zero: np.float32) -> NDArray[np.float32]:
    if not scale:
        return raw.astype(np.float32, copy=False)
    values = np.subtract(raw, zero, dtype=np.float32)
    values *= scale
    return values
