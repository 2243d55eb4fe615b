"""Delivers messages to an MQTT broker in a thread of its own, through every outage."""

from __future__ import annotations

import logging
import math
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ...errors import OutputError, RuntimeMissingError
from .mqtt_broker import Broker

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_log = logging.getLogger(__name__)

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before each further attempt to reach the broker; the last one is repeated."""

_UNACKNOWLEDGED = 20  # messages that the broker may have got and not acknowledged: what an outage can duplicate
_NEXT = 0  # stands for the number of a message that is about to be sent; paho's begin with 1
_STEADY = 30.0  # seconds that a connection lasts that was no failure
_RIVALRY = 2  # short connections in a row that may be chance
_TICK = 1.0  # seconds until what is current is looked at again, where nothing happens


class Message(NamedTuple):
    """A message for a broker.

    Attributes:
        topic: Its topic.
        payload: Its text.
        retain: The broker keeps it for who subscribes later.
    """

    topic: str
    payload: str
    retain: bool = True


class Delivery:
    """Brings two kinds of messages to a broker, both with QoS 1.

    What is *current* is asked for again and again, and sent where it differs from what this connection has sent: an
    outage leaves nothing behind but the newest. What is *put* waits in a queue and is sent once; again, after an
    outage, if the broker did not acknowledge it. Of more than `backlog` the oldest is dropped and counted.

    Each connection is a new paho client, fed only while it is connected and has less than 20 messages unacknowledged.
    So paho's own queue stays empty: what waits, waits here.

    Args:
        broker: Where to.
        client_id: Name of this client at the broker, where no other may have the same.
        current: Returns what the broker should hold now, at most one message for each topic; called in the thread.
        farewell: What the broker is to hold once this is gone, however it went; sent by `close`, or as its will.
        refresh: Topic on which "online" asks for everything current once more; none if empty.
        backlog: How many messages may wait.
        spacing: Seconds between two messages that are current under one topic.
        keepalive: Seconds of silence after which broker and client make sure of each other.
        pauses: Seconds before each further attempt to connect.
        patience: Seconds that `close` may take to deliver what waits; a run that was asked to end has 0.9.
        retry: Try again after a failure, for ever; else the first one is the last, and is said by `problem` alone.

    Attributes:
        dropped: Messages that were put and not sent, so far.
        problem: Why nothing can be sent, in words; empty while the broker is connected.

    Raises:
        RuntimeMissingError: paho-mqtt is not installed.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        current: Callable[[], Iterable[Message]] = tuple,
        *,
        farewell: Message | None = None,
        refresh: str = "",
        backlog: int = 1000,
        spacing: float = 1.0,
        keepalive: int = 30,
        pauses: Sequence[float] = PAUSES,
        patience: float = 0.7,
        retry: bool = True,
    ) -> None:
        try:
            from paho.mqtt import client, enums
        except ImportError as error:
            raise RuntimeMissingError(
                "MQTT needs paho-mqtt, which comes with the extra 'mqtt': pip install 'ferlite[mqtt]'"
            ) from error
        self._new_client = partial(
            client.Client, enums.CallbackAPIVersion.VERSION2, client_id, reconnect_on_failure=False
        )
        self._broker, self._current = broker, current
        self._farewell, self._refresh = farewell, refresh
        self._backlog, self._spacing, self._keepalive, self._patience = backlog, spacing, keepalive, patience
        self._pauses, self._retry = pauses, retry
        self.dropped, self.problem = 0, ""
        self._changed = Condition()
        self._waiting: deque[Callable[[], Message]] = deque()
        self._again: deque[Callable[[], Message]] = deque()  # sent on a connection that was lost
        self._unacknowledged: dict[int, Callable[[], Message] | None] = {}
        self._sent: dict[str, tuple[str, float]] = {}  # payload and time by topic, of what is current
        self._connected = self._taken_leave = False
        self._since, self._short = 0.0, 0  # when this connection began, and how many in a row were short
        self._failures = 0  # in a row
        self._rival = f"no other client may have the id {client_id!r}, as from a copied memory card"
        self._closing: float | None = None  # when patience ends
        self._due = math.inf  # when something may be sent that differs now
        self._thread = Thread(target=self._work, name=f"deliver to {broker.name}", daemon=True)

    def start(self) -> Self:
        """Begin to deliver; return this."""
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._thread.start()
        return self

    def put(self, make: Callable[[], Message]) -> None:
        """Let a message wait for its delivery; returns at once.

        Args:
            make: Makes the message; called in the thread when it is sent, and when it is sent again.
        """
        with self._changed:
            if len(self._waiting) >= self._backlog:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(make)
        self.wake()

    def wake(self) -> None:
        """Let the thread look at once at what is current."""
        with suppress(OSError):  # full: it wakes up anyway; closed: nobody is to be woken
            self._bell.send(b"\0")

    def flush(self, seconds: float) -> bool:
        """Wait until all that was put is acknowledged, something is wrong, or the time is over; return whether it is.

        Args:
            seconds: How long to wait.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.problem or not self._pending, seconds)
            return not self._pending

    def close(self) -> None:
        """Deliver what waits while the broker is connected and patience lasts, and take leave; count the rest."""
        if self._closing is None:
            with self._changed:
                self._closing = time.monotonic() + self._patience
                self._changed.notify_all()
            self.wake()
            # A thread that connects just now, or asks for a host, hears of it later.
            self._thread.join(self._patience + 0.1)
            with self._changed:
                self.dropped += self._pending
                self._waiting.clear()

    @property
    def _pending(self) -> int:
        return len(self._waiting) + len(self._again) + sum(make is not None for make in self._unacknowledged.values())

    def _work(self) -> None:
        while True:
            try:
                self._talk()
            except OutputError as error:
                self._ails(str(error))
            except Exception as error:
                # A defect must not end the thread unseen.
                self._ails(self._broker.explain(error), None if isinstance(error, OSError) else error)
            self._short = self._short if self._connected else 0
            # A broker that takes us and drops us again is not to be asked every second.
            self._failures = 0 if self._connected and not self._short else self._failures + 1
            with self._changed:
                self._connected = False
                self._again.extendleft(reversed([make for make in self._unacknowledged.values() if make]))
                self._unacknowledged.clear()
                pause = self._pauses[min(max(self._failures - 1, 0), len(self._pauses) - 1)]
                if not self._retry or self._changed.wait_for(lambda: self._closing is not None, pause):
                    break
        self._bell.close()
        self._ear.close()

    def _ails(self, problem: str, defect: Exception | None = None) -> None:
        """Note why nothing can be sent; say it once."""
        with self._changed:
            new, self.problem = problem != self.problem, problem
            self._changed.notify_all()
        if new and self._retry and self._closing is None:
            _log.log(logging.ERROR if defect else logging.WARNING, "%s; trying again", problem, exc_info=defect)

    def _talk(self) -> None:
        """Send what there is until the connection ends, or this is closed.

        Raises:
            OutputError: The broker refused the login, or the connection was lost.
            OSError: The broker can't be reached.
        """
        client, refusals = self._client()
        client.connect(self._broker.host, self._broker.port, self._keepalive)
        while (connection := client.socket()) is not None:
            self._listen(client, connection)
            client.loop(0)
            if self._connected and client.socket() is not None and not self._taken_leave:
                self._feed(client)
            if self._closing is not None and self._take_leave(client):
                connection.close()
                return
        if refusals:
            raise OutputError(self._broker.refusal(refusals[0]))
        if not self._connected:
            why = "it ended the connection before the login; a broker with TLS wants mqtts://"
        else:
            why = "the connection was lost; check the broker and the network"
            self._short = self._short + 1 if time.monotonic() - self._since < _STEADY else 0
            if self._short > _RIVALRY:
                why = "it ends the connection soon after each login; " + self._rival
        raise OutputError(f"{self._broker.name}: {why}")

    def _client(self) -> tuple[Client, list[str]]:
        """Make a client for one connection; the list gets the reason for which the broker refuses the login."""
        refusals: list[str] = []
        client = self._new_client()
        if self._broker.user:
            client.username_pw_set(self._broker.user, self._broker.password or None)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        if self._farewell is not None:
            client.will_set(self._farewell.topic, self._farewell.payload, 1, self._farewell.retain)

        def connected(client: Client, data: object, flags: object, reason: Any, properties: object) -> None:
            if reason.is_failure:
                refusals.append(str(reason))
                return
            if self.problem:
                _log.warning("%s: connected", self._broker.name)
            with self._changed:
                self._connected, self._since, self.problem = True, time.monotonic(), ""
            self._sent.clear()
            if self._refresh:
                client.subscribe(self._refresh, 1)

        def heard(client: Client, data: object, message: Any) -> None:
            # What was retained is from before this connection, which has sent everything.
            if message.payload == b"online" and not message.retain:
                self._sent.clear()

        def acknowledged(client: Client, data: object, number: int, reason: object, properties: object) -> None:
            with self._changed:
                self._unacknowledged.pop(number, None)
                self._changed.notify_all()

        client.on_connect, client.on_message, client.on_publish = connected, heard, acknowledged
        return client, refusals

    def _listen(self, client: Client, connection: Any) -> None:
        """Wait until there is something to read, to write or to send."""
        now = time.monotonic()
        until = min(now + _TICK, self._due, self._closing or math.inf)
        # What TLS has read ahead wakes nobody.
        ahead = getattr(connection, "pending", lambda: 0)()
        seconds = 0 if ahead else max(until - now, 0)
        writing = [connection] if client.want_write() else []
        readable, _, _ = select.select([connection, self._ear], writing, [], seconds)
        if self._ear in readable:
            with suppress(BlockingIOError):
                self._ear.recv(4096)

    def _feed(self, client: Client) -> None:
        """Hand paho what the broker should get now, as much as may be unacknowledged."""
        now, self._due = time.monotonic(), math.inf
        for message in self._current():
            payload, sent = self._sent.get(message.topic, (None, -math.inf))
            due = now if self._closing is not None else sent + self._spacing
            if message.payload == payload or len(self._unacknowledged) >= _UNACKNOWLEDGED:
                continue
            if due > now:
                self._due = min(self._due, due)
                continue
            self._sent[message.topic] = message.payload, now
            self._publish(client, message)
        while len(self._unacknowledged) < _UNACKNOWLEDGED:
            with self._changed:
                if not (queue := self._again or self._waiting):
                    break
                make = self._unacknowledged[_NEXT] = queue.popleft()
            # Not in the lock, for which the pipeline would wait.
            self._publish(client, make())

    def _publish(self, client: Client, message: Message) -> None:
        sent = client.publish(message.topic, message.payload, 1, message.retain)
        with self._changed:
            self._unacknowledged[sent.mid] = self._unacknowledged.pop(_NEXT, None)

    def _take_leave(self, client: Client) -> bool:
        """Say farewell once all is delivered; return whether nothing is left to do."""
        if self._closing is not None and time.monotonic() >= self._closing:
            return True  # without a farewell the broker publishes the will
        if not self._connected or self._unacknowledged or self._pending:
            return False
        if self._farewell is not None and not self._taken_leave:
            self._taken_leave = True
            self._publish(client, self._farewell)
            return False
        client.disconnect()
        return True
