"""Choosing an output by the name of its file."""

from __future__ import annotations

from pathlib import Path

from ...errors import UsageError
from ...models.files import PICTURES
from .base import Output
from .pictures import Picture, Pictures
from .video import VIDEO, AnnotatedVideo


def refuse_overwriting(path: str | Path, source: str | Path | int) -> None:
    """Stop an output from replacing what it is made from.

    Args:
        path: Output file or folder.
        source: What the frames come from; a camera or an address can't be replaced.

    Raises:
        UsageError: The output is the source, lies in a source folder, or is the folder of the source.
    """
    origin, target = Path(str(source)), Path(path).resolve()
    if source == "" or not origin.exists() or str(source).startswith("/dev/"):
        return
    origin = origin.resolve()
    inside = origin in target.parents if origin.is_dir() else target == origin.parent
    if target == origin or inside:
        raise UsageError(f"{path} is the source itself or would write into it; name an output elsewhere")


def open_annotated(path: str | Path, rate: float | None = None, *, source: str | Path | int = "") -> Output:
    """Choose the output for annotated frames by its name.

    Args:
        path: Ending in .mp4: a video. In a picture's suffix: a picture. Without a suffix, or a
            folder that exists: a folder of pictures.
        rate: Frames a second of the source, for a video.
        source: What the frames come from, so that it is not overwritten.

    Raises:
        UsageError: The suffix is another one, or the output would replace the source.
        OutputError: The place can't be written.
    """
    refuse_overwriting(path, source)
    target = Path(path)
    suffix = target.suffix.lower()
    if target.is_dir() or not suffix:
        return Pictures(target)
    if suffix in PICTURES:
        return Picture(target)
    if suffix == VIDEO:
        return AnnotatedVideo(target, rate)
    raise UsageError(
        f"{path}: annotated output is a video ({VIDEO}), a picture ({', '.join(PICTURES)}) "
        "or, without a suffix, a folder"
    )
