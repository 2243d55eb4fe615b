"""Reading the names that users give to sources, and masking secrets in them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ...errors import MissingFileError, UsageError, unknown

FORMS = (
    "a picture, a folder of pictures or a video file; a USB camera as 0, usb:0 or /dev/video0; picamera:0; "
    "an rtsp:// or http:// address; auto; virtual:"
)
"""What a source can be, in words."""

_NETWORK = ("rtsp", "rtsps", "http", "https")
CAMERAS = ("usb", "picamera", "virtual")


# A password may hold any character, also one that divides addresses; when in doubt, more is hidden.
_SECRETS = (
    (re.compile(r"((?:password|passwd|pass|pwd|token|secret|key)=)[^&]*", re.IGNORECASE), r"\1***"),
    (re.compile(r"(?<=/)([^/@:]*):.*@", re.DOTALL), r"\1:***@"),
    (re.compile(r"\?.*", re.DOTALL), "?***"),
)


def masked(address: str) -> str:
    """Hide what may be secret in an address.

    That is the password between user and @, all behind a question mark, and wherever else they stand
    the values of password=, passwd=, pass=, pwd=, token=, secret= and key=, up to the next &.
    """
    for secret, shown in _SECRETS:
        address = secret.sub(shown, address)
    return address


def parse_spec(spec: str | Path | int) -> tuple[str, str]:
    """Split a source's name into its kind and the rest.

    Returns:
        "file", "usb", "picamera", "virtual", "stream" or "auto", and the path (file), device path
        (usb), number (picamera), address (stream) or the whole text (virtual).

    Raises:
        MissingFileError: It reads as a file, and there is none.
        UnknownNameError: It reads as "kind:...", and there is no such kind.
        UsageError: It is empty, or a camera's number is none.
    """
    text = str(spec)
    if text.startswith("/dev/video"):
        return "usb", text
    if not isinstance(spec, Path):
        if not text.strip():
            raise UsageError(f"the source is empty; it can be {FORMS}")
        if (named := _named(text)) is not None:
            return named
    if os.path.exists(text):  # noqa: PTH110  (Path.exists raises where a text can't be a path)
        return "file", text
    scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text)
    if scheme:
        raise unknown("source", scheme[0], [f"{name}:" for name in (*CAMERAS, *_NETWORK)])
    raise MissingFileError(f"there is no file or folder {masked(text)!r}; a source can be {FORMS}")


def _named(text: str) -> tuple[str, str] | None:
    """Read a spec that is not a path; None where it must be one."""
    kind, _, rest = text.partition(":")
    if text == "auto":
        return "auto", ""
    if kind.lower() in _NETWORK and rest.startswith("//"):
        return "stream", text
    if kind == "virtual":
        return "virtual", f"virtual:{rest}"
    if _is_number(text):
        kind, rest = "usb", text
    if kind not in CAMERAS:
        return None
    if kind == "usb" and rest.startswith("/dev/"):
        return "usb", rest
    if not _is_number(rest or "0"):
        raise UsageError(f"{text!r} names no camera; its number follows the colon, as in {kind}:0")
    number = int(rest or "0")
    return kind, f"/dev/video{number}" if kind == "usb" else str(number)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6
