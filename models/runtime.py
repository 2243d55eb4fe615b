"""The one adapter to a TFLite runtime: LiteRT, else tflite_runtime, else TensorFlow's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError
from . import modelfile, probe
from .backends import runtime
from .native_log import quiet
from .record import INPUT_DTYPES, Record


class LoadedModel:
    """A model file in a runtime, ready to run. Not to be shared between threads."""

    def __init__(self, file: modelfile.ModelFile | str | Path, *, threads: int = 1, runtime_name: str = ""):
        """Load a model. One without a record is first tried in a process of its own, see `probe`.

        Args:
            file: A model file that was read, or its path.
            threads: Threads for one inference.
            runtime_name: A name in `RUNTIMES`; the first installed one if empty.

        Raises:
            MissingFileError: There is no such file.
            ModelFormatError: The file is damaged, the runtime refuses it or dies of it, or the record
                contradicts the graph.
            RuntimeMissingError: No TFLite runtime is installed.
        """
        if not isinstance(file, modelfile.ModelFile):
            file = modelfile.read(file)
        self.path = file.path
        self.record = file.record
        self.runtime = runtime(runtime_name)
        if file.record is None:
            probe.probe(file.content, file.path, runtime_name)
        try:
            with quiet():
                self._interpreter = self.runtime.interpreter(model_content=file.content, num_threads=threads)
                self._interpreter.allocate_tensors()
            self.inputs: list[dict[str, Any]] = self._interpreter.get_input_details()
            self.outputs: list[dict[str, Any]] = self._interpreter.get_output_details()
            self._quantization = [tuple(map(np.float32, detail["quantization"])) for detail in self.outputs]
        except (ValueError, RuntimeError) as error:
            raise ModelFormatError(f"{file.path}: {self.runtime.name} refuses the model: {error}") from error
        if file.record is not None:
            self._hold_against_graph(file.record)

    def run(self, *inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Run one inference.

        Args:
            inputs: One array for each input, of the graph's shape and dtype.

        Returns:
            The outputs in the graph's order as float32, de-quantized, in memory of their own.
        """
        return [_dequantized(raw, *by) for raw, by in zip(self.run_raw(*inputs), self._quantization, strict=True)]

    def run_raw(self, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Run one inference and return the outputs as the graph gives them (copied)."""
        for value, detail in zip(inputs, self.inputs, strict=True):
            self._interpreter.set_tensor(detail["index"], value)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(detail["index"]) for detail in self.outputs]

    @property
    def operators(self) -> list[str]:
        """Names of the graph's operators in order; a DELEGATE behind them stands for what XNNPACK took over."""
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
        # The runtime does not list them: walk back from what a delegate writes to what it reads.
        for delegate in (op for op in operators if op["op_name"] == "DELEGATE"):
            given = {int(tensor) for tensor in delegate["inputs"]}
            wanted = [int(tensor) for tensor in delegate["outputs"]]
            while wanted:
                tensor = wanted.pop()
                if tensor not in given and tensor in writer and writer[tensor] not in taken:
                    taken.add(writer[tensor])
                    wanted += [int(read) for read in graph[writer[tensor]]["inputs"]]
        return len(taken) / len(graph) if graph else 0.0

    def _hold_against_graph(self, record: Record) -> None:
        shape = tuple(int(n) for n in self.inputs[0]["shape"])
        expected = (1, *record.size, 1 if record.channels == "grey" else 3)
        if shape != expected:
            self._contradiction("size and channels", expected, shape)
        dtype = np.dtype(self.inputs[0]["dtype"]).name
        if dtype != INPUT_DTYPES[record.scheme]:
            self._contradiction("scheme", record.scheme, f"{dtype} input")
        classes = int(self.outputs[0]["shape"][-1])
        if record.task == "expression" and classes != len(record.labels):
            self._contradiction("labels", len(record.labels), classes)

    def _contradiction(self, what: str, said: object, found: object) -> None:
        raise ModelFormatError(f"{self.path}: the record says {what} {said}, the graph has {found}; convert again")


def _dequantized(raw: NDArray[Any], scale: np.float32, zero: np.float32) -> NDArray[np.float32]:
    if not scale:
        return raw.astype(np.float32, copy=False)
    values = np.subtract(raw, zero, dtype=np.float32)
    values *= scale
    return values
