"""The unit by which systemd runs ferlite, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from ...errors import UsageError
from .watchdog import WATCHDOG

_HOMES = ("/home", "/root", "/run/user")
_OWN_TMP = ("/tmp", "/var/tmp")  # noqa: S108  (what PrivateTmp= replaces)

_HEAD = """\
[Unit]
Description=ferlite: facial expression recognition
StartLimitIntervalSec=0
"""

_ONLINE = """\
Wants=network-online.target
After=network-online.target
"""

_SERVICE = """
[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
WatchdogSec={watchdog:.0f}
TimeoutStartSec={watchdog:.0f}
TimeoutStopSec=10
Restart=always
RestartSec=5
# Each frame's line would fill the journal; what goes wrong comes on standard error.
StandardOutput=null
# The journal shows where a run hung. A core dump would hold pictures of people.
Environment=PYTHONFAULTHANDLER=1
LimitCORE=0
UMask=0077
"""

_FENCES = """
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
"""

# ProcSubset=pid is not among them: it hides /proc/cpuinfo, without which the models run a hundred times slower.
_SYSTEM = """
DynamicUser=yes
User=ferlite
SupplementaryGroups=video
StateDirectory=ferlite
StateDirectoryMode=0700
WorkingDirectory=%S/ferlite

DevicePolicy=closed
DeviceAllow=char-video4linux rw
DeviceAllow=char-media rw
DeviceAllow=char-dma_heap rw
DeviceAllow=/dev/vcio rw

CapabilityBoundingSet=
KeyringMode=private
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome={home}
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
"""

_INSTALL = """
[Install]
WantedBy={target}
"""


def render(
    command: Sequence[str],
    *,
    user: bool = False,
    network: bool = False,
    credentials: Mapping[str, Path] = MappingProxyType({}),
) -> str:
    """Return the text of a unit.

    A service of the system runs as a user of its own that exists only while it runs (DynamicUser=), with the group
    video for cameras. It sees no homes, writes nothing but /var/lib/ferlite, and opens no devices but cameras. A
    service of a user is that user: it keeps what needs no rights of the system.

    Args:
        command: Program, with its absolute path, and arguments.
        user: For the systemd of a user, which runs while he is logged in, or always after `loginctl enable-linger`.
        network: Start after the network is up, as a source or broker elsewhere needs. Only for the system's.
        credentials: Files with secrets, by the names by which the program finds them (LoadCredential=). Root may
            own them. Only for the system's.

    Raises:
        UsageError: The program's path is not absolute, an argument or path can't be written in a unit, or
            credentials are given for a user.
    """
    if not command or not PurePosixPath(command[0]).is_absolute():
        raise UsageError(f"a service needs the absolute path of its program; it has {list(command)!r}")
    if set(command[0]) & set("\"'\\"):
        raise UsageError(f"{command[0]}: systemd starts no program with a quote or a backslash in its path; move it")
    if user and credentials:
        raise UsageError("credentials are for a service of the system; a user's reads the files themselves")
    text = _HEAD + _ONLINE * (network and not user)
    # A colon switches off what systemd makes of dollar signs.
    words = [f":{command[0]}", *command[1:]]
    text += _SERVICE.format(command=" ".join(map(_quoted, words)), watchdog=WATCHDOG)
    if user:
        return text + "WorkingDirectory=%h\n" + _FENCES + _INSTALL.format(target="default.target")
    for name, file in credentials.items():
        text += f"LoadCredential={_plain(name)}:{_plain(str(file))}\n"
    at_home = any(PurePosixPath(word).is_relative_to(home) for word in command for home in _HOMES)
    text += _SYSTEM.format(home="read-only" if at_home else "yes")
    return text + _FENCES + _INSTALL.format(target="multi-user.target")


def check_readable(path: Path) -> None:
    """Check that a service of the system, which is a user of its own, can read a program or a file.

    Raises:
        UsageError: It can't.
    """
    if any(path.is_relative_to(folder) for folder in _OWN_TMP):
        raise UsageError(f"{path}: a service has a /tmp of its own and can't see this one; move it, as to /opt/ferlite")
    for each in (path.resolve(), *path.resolve().parents):
        needed = 0o1 if each.is_dir() else 0o4
        if each.exists() and not each.stat().st_mode & needed:
            raise UsageError(
                f"{path}: the service runs as a user of its own, which may not read {each}; install ferlite outside "
                "the homes, as with python3 -m venv /opt/ferlite, or use --user"
            )


def _quoted(word: str) -> str:
    """Return a word of a command line as systemd reads it back (systemd.service(5), "Command lines")."""
    escaped = _plain(word).replace("\\", "\\\\").replace('"', '\\"')
    return escaped if word and not set(word) & set(" \t'\"\\;") else f'"{escaped}"'


def _plain(text: str) -> str:
    """Return a text in which percent signs stand for themselves.

    Raises:
        UsageError: It can't be written on a line.
    """
    if not text.isprintable() or text != text.strip():
        raise UsageError(f"{text!r} can't be written in a unit: it holds a line break or another character of control")
    return text.replace("%", "%%")
