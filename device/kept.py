"""What an installation keeps from one run to the next: its id, its token."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import TextIO

from ..errors import DataError, OutputError
from ..models.files import read_bytes, replacing
from ..models.growing import claim

_ID = "id"  # name of its file
_ID_BYTES, _TOKEN_BYTES = 5, 24


def state_folder() -> Path:
    """Return the folder of what is kept: a systemd service's own, else one in the user's home.

    `StateDirectory=` sets STATE_DIRECTORY (systemd.exec(5)); for users the XDG Base Directory Specification holds.
    """
    service = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if service:
        return Path(service)
    return xdg_home("XDG_STATE_HOME", ".local/state") / "ferlite"


def xdg_home(variable: str, usual: str) -> Path:
    """Return a folder of the user's after the XDG Base Directory Specification, which ignores relative paths.

    Args:
        variable: Names the folder in the environment.
        usual: Where it lies in the home otherwise.
    """
    named = Path(os.environ.get(variable, ""))
    return named if named.is_absolute() else Path.home() / usual


def has_device_id() -> bool:
    """Tell whether an id was made already; see `device_id`."""
    return (state_folder() / _ID).exists()


def device_id() -> str:
    """Return the id of this installation: 10 random hexadecimal digits, the same ever after.

    Raises:
        DataError: What is kept is no id.
        OutputError: It can't be kept.
        MissingFileError: It can't be read.
    """
    return _kept(_ID, secrets.token_hex(_ID_BYTES))


def token(name: str) -> str:
    """Return a secret that was made at random when it was first asked for; its file is for the owner alone.

    Args:
        name: Name of its file in `state_folder`.

    Raises:
        DataError: What is kept is no token.
        OutputError: It can't be kept.
        MissingFileError: It can't be read.
    """
    return _kept(name, secrets.token_urlsafe(_TOKEN_BYTES))


def claimed(name: str) -> TextIO | None:
    """Claim a name until the returned file is closed, so that no other process of this installation may have it.

    Args:
        name: Name of a file in `state_folder`.

    Returns:
        The open file; None where none can be written, and so nothing be claimed.

    Raises:
        OutputError: Another one has it.
    """
    path = state_folder() / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError:
        return None
    try:
        claim(file.fileno(), path)
    except OutputError:
        file.close()
        raise
    return file


def credential(name: str) -> Path | None:
    """Return the file of a secret that systemd hands over (systemd.exec(5), `LoadCredential=`); None without it.

    Args:
        name: Name of the credential.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(folder) / name
    return path if folder and path.is_file() else None


def _kept(name: str, new: str) -> str:
    path = state_folder() / name
    if not path.exists():
        with replacing(path) as temporary:
            temporary.touch(0o600)
            temporary.write_text(new + "\n")
    value = read_bytes(path).decode(errors="replace").strip()
    if not re.fullmatch(r"[\w-]{8,100}", value, re.ASCII):
        raise DataError(f"{path} is damaged: it must hold letters and digits alone; remove it, and a new one is made")
    return value
