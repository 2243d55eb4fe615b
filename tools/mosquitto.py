"""A real MQTT broker to try ferlite against, and somebody who listens to it."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from threading import Condition
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from ..device.closing import Closing
from ..errors import RuntimeMissingError

_PATIENCE = 20.0


class Mosquitto(Closing):
    """Mosquitto on a free port of this machine; `start` and `stop` may be called again and again.

    Args:
        folder: Where its files go.
        lines: More lines for its configuration.

    Attributes:
        port: Its port.

    Raises:
        RuntimeMissingError: Mosquitto is not installed.
    """

    def __init__(self, folder: Path, *lines: str) -> None:
        self._program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin")
        if self._program is None:
            raise RuntimeMissingError("mosquitto is not installed; on Debian: apt install mosquitto")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._configuration, self._passwords = folder / "mosquitto.conf", folder / "passwords"
        # As root it would become a user who can't read the folder of a test.
        self._lines = [f"listener {self.port} 127.0.0.1", "user root", "allow_anonymous true", *lines]
        self._process: subprocess.Popen[bytes] | None = None

    def logins(self, **users: str) -> None:
        """Let only these users in, by name and password; takes effect at once."""
        self._passwords.write_text("")
        for user, password in users.items():
            subprocess.run(["mosquitto_passwd", "-b", self._passwords, user, password], check=True, capture_output=True)  # noqa: S603, S607
        self._lines = [line for line in self._lines if not line.startswith(("allow_anonymous", "password_file"))]
        self._lines += ["allow_anonymous false", f"password_file {self._passwords}"]
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def encrypt(self, certificate: Path, key: Path) -> None:
        """Speak TLS from the next start on."""
        self._lines += [f"certfile {certificate}", f"keyfile {key}"]

    @property
    def running(self) -> bool:
        """It was started and not stopped."""
        return self._process is not None

    def start(self) -> Mosquitto:
        """Start it and wait until it listens."""
        self._configuration.write_text("\n".join(self._lines) + "\n")
        self._process = subprocess.Popen(  # noqa: S603
            [str(self._program), "-c", str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), _PATIENCE).close()
            except ConnectionRefusedError:
                time.sleep(0.01)
            else:
                return self
        raise RuntimeMissingError(f"mosquitto does not start; '{self._program} -c {self._configuration}' says why")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_PATIENCE)
            self._process = None

    def pause(self) -> None:
        """Let it hang, with its connections open."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it, however it is."""
        self.stop(signal.SIGKILL)


class Listener(Closing):
    """Notes all messages of a broker from the moment on at which it is made.

    Args:
        port: The broker's port on this machine.
        user: Name to log in with; none if empty.
        password: Of this user.

    Attributes:
        messages: Topic, payload and retain flag of each message, in their order.
    """

    def __init__(self, port: int, user: str = "", password: str = "") -> None:
        self.messages: list[tuple[str, str, bool]] = []
        self._changed, self._subscribed, self._ended = Condition(), False, False
        self._client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        self._client.on_disconnect = self._disconnected
        self._client.on_message, self._client.on_subscribe = self._heard, self._listens
        self._client.on_connect = self._connected
        if user:
            self._client.username_pw_set(user, password)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait(lambda: self._subscribed)

    def wait(self, true: Callable[[], Any], seconds: float = _PATIENCE) -> None:
        """Wait until something is true that depends on the messages.

        Raises:
            TimeoutError: It does not become so.
        """
        with self._changed:
            if not self._changed.wait_for(true, seconds):
                raise TimeoutError(f"the broker's messages are {self.messages}")

    def of(self, topic: str) -> list[Any]:
        """Return the payloads, read as JSON where they are, of the topics that end so."""
        return [_read(payload) for name, payload, _ in self.messages if name.endswith(topic)]

    def publish(self, topic: str, payload: str) -> None:
        """Send a message."""
        self._client.publish(topic, payload, 1).wait_for_publish(_PATIENCE)

    def drain(self) -> None:
        """Wait for the last message of a broker that was killed."""
        self.wait(lambda: self._ended)

    def close(self) -> None:
        """Stop listening; the messages stay."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, *_: object) -> None:
        self._client.subscribe("#")  # QoS 0: the broker holds nothing back that a kill would lose

    def _listens(self, *_: object) -> None:
        with self._changed:
            self._subscribed = True
            self._changed.notify_all()

    def _disconnected(self, *_: object) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _heard(self, client: Client, data: object, message: MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, message.payload.decode(), message.retain))
            self._changed.notify_all()


def _read(payload: str) -> Any:
    try:
        return json.loads(payload)
    except json.JSONDecodeError:
        return payload
