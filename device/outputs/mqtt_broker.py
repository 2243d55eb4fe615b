"""Which MQTT broker to reach, and with what right: its address, password and certificate authority."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ...errors import DataError, UsageError
from ...models.files import read_bytes
from ..kept import credential
from ..sources.spec import masked

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_CREDENTIAL = "mqtt-password"
_SAMPLE = "mqtt://broker.local, or mqtts://user@broker.local:8883 with TLS"
# The password ends at the last @; it may hold what divides addresses.
_ADDRESS = re.compile(
    r"(?P<scheme>mqtts?)://((?P<user>[^/@:]+)@)?(?P<host>[\w-]{1,63}(\.[\w-]{1,63})*\.?|\[[0-9a-f:.]+])(:(?P<port>\d{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)
_PASSWORD = re.compile(r"^\w+://[^/@:]*:.*@", re.DOTALL)


@dataclass(frozen=True)
class Broker:
    """An MQTT broker.

    Attributes:
        host: Name or number.
        port: TCP port.
        user: Name to log in with; empty to log in without.
        password: Of this user.
        tls: How the broker's certificate is checked; None without TLS.
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None

    @property
    def name(self) -> str:
        """Its address, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.user and self.user + '@'}{host}:{self.port}"

    def explain(self, error: Exception) -> str:
        """Say in a line why it can't be reached, and what to do."""
        match error:
            case ssl.SSLCertVerificationError():
                why = f"its certificate is not trusted ({error.verify_message}); name the CA that signed it: --mqtt-ca"
            case ssl.SSLError() | ConnectionResetError() if self.tls:
                why = f"no TLS there ({error.strerror or error}); use its port for TLS, mostly 8883, or mqtt://"
            case socket.gaierror():
                why = "there is no host of this name, or no network; check the address"
            case ConnectionRefusedError():
                why = "nobody listens there; check the address, and that the broker runs"
            case TimeoutError():
                why = "it does not answer; check the address, the network and firewalls"
            case _:
                why = f"{error or type(error).__name__}; check the broker and the network"
        return f"{self.name}: {why}"

    def refusal(self, reason: str) -> str:
        """Say in a line that it refused the login, and what to do."""
        if self.user:
            remedy = f"check the user {self.user!r} in the address and the password in --mqtt-password-file"
        else:
            remedy = "name a user in the address, as in mqtt://user@broker, and give --mqtt-password-file"
        return f"{self.name}: the broker refuses the login ({reason}); {remedy}"


def open_broker(address: str, *, password_file: str | Path | None = None, ca: str | Path | None = None) -> Broker:
    """Read an address and what lies in files, without a connection.

    Args:
        address: mqtt://[user@]host[:port], or mqtts:// for TLS.
        password_file: File that holds the password alone; if None, the systemd credential `mqtt-password`, where
            there is one (systemd.exec(5), `LoadCredential=`).
        ca: File of the certificate authority that signed the broker's certificate, in PEM; the system's if None.

    Raises:
        UsageError: The address is none, holds a password, or does not fit what else is given.
        MissingFileError: A file can't be read.
        DataError: A file does not hold what it should.
    """
    if _PASSWORD.search(address):
        raise UsageError(
            "the address of the MQTT broker holds a password, which every user of this machine could read; write the "
            "password to a file, and give --mqtt-password-file and mqtt://user@host"
        )
    parts = _ADDRESS.fullmatch(address)
    user = unquote(parts["user"] or "") if parts else ""
    if not parts or not user.isprintable() or not 0 < int(parts["port"] or 1) < 65536:
        raise UsageError(f"the MQTT broker {masked(address)!r} is no address; expected {_SAMPLE}")
    scheme = parts["scheme"].lower()
    if ca is not None and scheme == "mqtt":
        raise UsageError("a CA is of use only with TLS; begin the address of the MQTT broker with mqtts://")
    if password_file is not None and not user:
        raise UsageError("a password for the MQTT broker needs a user in the address, as in mqtt://user@broker")
    password = _password(password_file) if user else ""
    host, port = parts["host"].strip("[]"), int(parts["port"] or _PORTS[scheme])
    return Broker(host, port, user, password, _tls(ca) if scheme == "mqtts" else None)


def _password(file: str | Path | None) -> str:
    file = file or credential(_CREDENTIAL)
    if file is None:
        return ""
    try:
        password = read_bytes(file).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise DataError(f"{file} is no text; it must hold the password for the MQTT broker alone") from None
    if not password or "\n" in password or "\0" in password:
        raise DataError(f"{file} must hold one line, the password for the MQTT broker")
    return password


def _tls(ca: str | Path | None) -> ssl.SSLContext:
    if ca is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=read_bytes(ca).decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise DataError(f"{ca} holds no certificate in PEM; give the file of the CA that signed the broker's") from None
