"""Choosing an output by the name of its file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from ...errors import UsageError
from ...models.files import PICTURES
from .base import Output
from .csv_rows import CsvRows, Labelled
from .json_lines import JsonLines
from .pictures import Picture, Pictures
from .rotation import Rotation
from .video import VIDEO, AnnotatedVideo


def refuse_overwriting(source: str | Path | int, *outputs: str | Path) -> None:
    """Stop outputs from replacing what they are made from, or one another.

    Args:
        source: What the frames come from; a camera or an address can't be replaced. Empty if unknown.
        outputs: Files or folders; two names of one file, as hard links are, are one.

    Raises:
        UsageError: An output is the source, lies in a source folder, or is the folder of the source; or two
            outputs are one file.
    """
    for output in outputs:
        if source != "" and _touches(Path(output), Path(str(source))):
            raise UsageError(f"{output} is the source itself or would write into it; name an output elsewhere")
    for output, other in combinations(outputs, 2):
        if _same(Path(output), Path(other)):
            raise UsageError(f"{output} and {other} are one file; give each output a file of its own")


def _touches(output: Path, source: Path) -> bool:
    if not source.is_dir():
        return _same(output, source) or (source.exists() and _same(output, source.parent))
    inside = any(_same(parent, source) for parent in (output, *Path(os.path.realpath(output)).parents))
    return inside or (output.is_file() and any(_same(output, each) for each in source.iterdir()))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return os.path.realpath(one) == os.path.realpath(other)


def open_lines(
    path: str | Path,
    models: Mapping[str, Labelled],
    *,
    every_line: bool = False,
    rotation: Rotation | None = None,
) -> JsonLines | CsvRows:
    """Choose the output for results by its name: rows of a table if that ends in .csv, else JSON lines.

    Args:
        path: The file; "-" for JSON lines on standard output.
        models: For the columns of a table; see `CsvRows`.
        every_line: See `JsonLines`.
        rotation: Limits the file.

    Raises:
        OutputError: See `JsonLines` and `CsvRows`, as for the other error.
        UsageError: The file is larger than `rotation` allows.
    """
    if Path(path).suffix.lower() == ".csv":
        return CsvRows(path, models, every_line=every_line, rotation=rotation)
    return JsonLines(path, every_line=every_line, rotation=rotation)


def open_annotated(
    path: str | Path,
    rate: float | None = None,
    *,
    source: str | Path | int = "",
    rotation: Rotation | None = None,
) -> Output:
    """Choose the output for annotated frames by its name.

    Args:
        path: Ending in .mp4: a video. In a picture's suffix: a picture. Without a suffix, or a
            folder that exists: a folder of pictures.
        rate: Frames a second of the source, for a video.
        source: What the frames come from, so that it is not overwritten.
        rotation: Limits the video or the folder.

    Raises:
        UsageError: The suffix is another one, the output would replace the source, or a video is larger than
            `rotation` allows.
        OutputError: The place can't be written.
    """
    refuse_overwriting(source, path)
    target = Path(path)
    suffix = target.suffix.lower()
    if target.is_dir() or not suffix:
        return Pictures(target, rotation=rotation)
    if suffix in PICTURES:
        return Picture(target)
    if suffix == VIDEO:
        return AnnotatedVideo(target, rate, rotation=rotation)
    raise UsageError(
        f"{path}: annotated output is a video ({VIDEO}), a picture ({', '.join(PICTURES)}) "
        "or, without a suffix, a folder"
    )
