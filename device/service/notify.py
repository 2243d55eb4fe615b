"""Messages to systemd, after sd_notify(3)."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def notify(*messages: str) -> None:
    """Send messages such as "READY=1" to systemd; do nothing where NOTIFY_SOCKET names no socket that is there.

    Args:
        messages: Of one line each.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # of the abstract name space, whose names begin with a zero byte
        address = "\0" + address[1:]
    # Python opens it so that no child process gets it.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto("\n".join(messages).encode(), address)
