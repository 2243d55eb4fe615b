"""Results as annotated pictures."""

from __future__ import annotations

from pathlib import Path

from ...errors import UsageError
from ...models.files import PICTURES, write_bytes
from ..types import FrameResult
from .base import Output, explained
from .drawing import annotate
from .picture_encoding import encoded


class Pictures(Output):
    """Annotated pictures in a folder, under the names of those they show, each whole or not there.

    Frames of a clip are numbered: clip-000012.jpg, or 000012.jpg where it has no name.

    Args:
        folder: Made if there is none.

    Raises:
        OutputError: The folder can't be made.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, result: FrameResult) -> None:
        """Draw a result and write the picture.

        Raises:
            OutputError: The disk is full, or the folder can't be written.
        """
        name = Path(result.frame.name).name
        if Path(name).suffix.lower() not in PICTURES:
            name = f"{Path(name).stem}-{result.frame.index:06d}.jpg".removeprefix("-")
        write_bytes(self.folder / name, encoded(annotate(result), Path(name).suffix))

    def close(self) -> None:
        """Nothing is left open."""


class Picture(Output):
    """A single annotated picture; of more than one frame, the newest.

    Args:
        path: The file, replaced if there is one.

    Raises:
        UsageError: The suffix is no picture's.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in PICTURES:
            raise UsageError(f"{path}: a picture's name ends in {', '.join(PICTURES)}")

    def write(self, result: FrameResult) -> None:
        """Draw a result and write the picture.

        Raises:
            OutputError: The disk is full, or the folder can't be written.
        """
        write_bytes(self.path, encoded(annotate(result), self.path.suffix))

    def close(self) -> None:
        """Nothing is left open."""
