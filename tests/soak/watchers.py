"""Who looks at the live page, and who listens to the broker: they tell whether both still work."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from threading import Event, Thread

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from ferlite.device.closing import Closing

_AGAIN = 0.3  # seconds after which it looks again


class Viewer(Closing):
    """Looks at the live page as a browser does, and comes back when it was sent away.

    Args:
        address: WebSocket of the page.

    Attributes:
        seen: Messages with a frame's picture, so far.
    """

    def __init__(self, address: str) -> None:
        self.seen = 0
        self._address, self._closed = address, Event()
        self._thread = Thread(target=self._look, name="viewer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave."""
        self._closed.set()
        self._thread.join(5)

    def _look(self) -> None:
        while not self._closed.is_set():
            with suppress(OSError, WebSocketException):
                self._visit()
            self._closed.wait(_AGAIN)

    def _visit(self) -> None:
        with connect(self._address, compression=None, proxy=None, open_timeout=2) as socket:
            while not self._closed.is_set():
                with suppress(TimeoutError):
                    message = bytes(socket.recv(timeout=1, decode=False))
                    length = int.from_bytes(message[:4], "big")
                    about = json.loads(message[4 : 4 + length])
                    self.seen += bool(about["result"] and message[4 + length :])
                    socket.send("next")


class Subscriber(Closing):
    """Listens to all that is published, and comes back when the broker does.

    Args:
        port: The broker's port on this machine.

    Attributes:
        heard: Messages that were published just now, not retained ones.
    """

    def __init__(self, port: int) -> None:
        self.heard = 0
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._subscribe
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port, keepalive=5)
        self._client.loop_start()

    def close(self) -> None:
        """Stop listening."""
        self._client.disconnect()
        self._client.loop_stop()

    def _subscribe(self, client: Client, *_: object) -> None:
        client.subscribe("#")

    def _note(self, client: Client, data: object, message: MQTTMessage) -> None:
        self.heard += not message.retain


def wait_for(true, seconds: float) -> bool:
    """Wait until something is true; return whether it became so in time."""
    end = time.monotonic() + seconds
    while not (so := true()) and time.monotonic() < end:
        time.sleep(0.05)
    return bool(so)
