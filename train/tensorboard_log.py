"""TensorBoard logs of a run: the columns of history.csv as curves, whatever Keras runs on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import RuntimeMissingError


class Board:
    """Writes scalars into a folder; `tensorboard --logdir FOLDER` shows them.

    Args:
        folder: Folder of the logs, made with the first line. A resumed run adds to it.

    Raises:
        RuntimeMissingError: tensorboard is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            from tensorboard.summary import Writer
        except ModuleNotFoundError as error:
            raise RuntimeMissingError("--tensorboard needs tensorboard: pip install tensorboard") from error
        self._open = lambda: Writer(str(folder))
        self._writer: Any = None

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(self, row: Mapping[str, float]) -> None:
        """Write a line of history.csv; its `epoch` is the step."""
        self._writer = self._writer or self._open()
        for name, value in row.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, step=int(row["epoch"]))
        self._writer.flush()

    def close(self) -> None:
        """Finish the file; more than once is fine."""
        if self._writer:
            self._writer.close()
        self._writer = None
