"""A web server in a thread of its own."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ...errors import MissingFileError, OutputError, UsageError

_log = logging.getLogger(__name__)

_GRACE = 0.3  # seconds that viewers get to hear the end
_PATIENCE = 1.0  # seconds for the thread to end
_SEND_BUFFER = 131072  # bytes in the kernel for one viewer; more would only make what is shown older
_LONGEST_MESSAGE = 1024  # bytes of a WebSocket message that comes in
_RELIEF = 2.0  # seconds without an error after which descriptors are at hand again; asyncio tries once a second
_SILENCE = 10.0  # seconds until a new connection must ask for something


class Server:
    """Serves an app from `start` to `close`.

    Args:
        host: Name or address of this machine to listen on.
        port: Its port; 0 for any that is free.
        patience: Seconds after which the system drops a peer that does not read what was sent.

    Attributes:
        port: The port.
        local: Only this machine reaches it.

    Raises:
        UsageError: There is no such host, or the port is none.
        OutputError: The port is in use, or not for us.
    """

    def __init__(self, host: str, port: int, *, patience: float) -> None:
        self._socket = _listen(host, port)
        # Where a peer does not read, or is gone without a word, only the system knows; what it accepts inherits this.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * patience))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        address, self.port = self._socket.getsockname()[:2]
        self.local = ipaddress.ip_address(address.partition("%")[0]).is_loopback
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._relief: asyncio.TimerHandle | None = None  # when a problem that does not come again is over
        self.problem = ""

    def start(
        self,
        app: ASGIApp,
        *,
        connections: int,
        certificate: Path | None,
        key: Path | None,
        on_start: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        """Begin to serve.

        Args:
            app: Answers the requests.
            connections: How many may be open at once; more are cut off, so that files and cameras can be opened still.
            certificate: PEM file for TLS; without it the server speaks plain HTTP.
            key: PEM file of its private key, where the certificate's does not hold it.
            on_start: Called in the event loop, before the first request.
            on_stop: Called in the event loop, while connections are still open.

        Raises:
            MissingFileError: A PEM file is missing.
            UsageError: The PEM files don't fit.
        """

        class Protocol(_Protocol):
            most = connections

        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=Protocol,
            ws="websockets-sansio",
            ws_max_size=_LONGEST_MESSAGE,
            ws_per_message_deflate=False,
            ws_ping_interval=None,  # pages acknowledge what they get
            lifespan="off",
            interface="asgi3",
            # Queries and headers must not get into a log.
            log_config=None,
            # Of what strangers send nothing is said, or they could fill a log.
            log_level="error",
            access_log=False,
            server_header=False,
            # Behind a proxy on this machine clients are told apart by what it says of them.
            proxy_headers=True,
            forwarded_allow_ips="127.0.0.1,::1",
            ssl_certfile=certificate,
            ssl_keyfile=key,
            # Otherwise OpenSSL asks for one at the terminal where the key is encrypted.
            ssl_keyfile_password="none",  # noqa: S106
            timeout_graceful_shutdown=1,
        )
        logging.getLogger("uvicorn.error").addFilter(_no_refusal)
        _load(config, certificate, key)
        self._server = uvicorn.Server(config)
        self._on_start, self._on_stop = on_start, on_stop
        started = Event()
        self._thread = Thread(target=self._run, args=(started,), name="live page", daemon=True)
        self._thread.start()
        started.wait()

    def close(self) -> None:
        """Say goodbye to everybody and end; may be called again."""
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None:
            with suppress(RuntimeError):  # it ended by itself
                self._loop.call_soon_threadsafe(self._ending.set)
            thread.join(_PATIENCE)
        self._socket.close()

    def _run(self, started: Event) -> None:
        try:
            asyncio.run(self._serve(started))
        except Exception as error:
            self.problem = f"the live page stopped: {error}"
            _log.exception("the live page stopped")
        finally:
            started.set()

    async def _serve(self, started: Event) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(self._went_wrong)
        self._on_start()
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        ending = asyncio.create_task(self._ending.wait())
        started.set()
        await asyncio.wait({serving, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        self._on_stop()
        self._server.should_exit = True
        self._loop.call_later(_GRACE, self._cut_off)
        await serving
        if not self._ending.is_set():
            raise RuntimeError("nobody asked it to")

    def _went_wrong(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
            return
        # asyncio says so hundreds of times, tries again after a second, and says nothing when that goes well.
        if not self.problem:
            self.problem = f"the live page lets nobody in: {error.strerror}"
            _log.warning("%s", self.problem)
        if self._relief is not None:
            self._relief.cancel()
        self._relief = loop.call_later(_RELIEF, self._better)

    def _better(self) -> None:
        self.problem = ""

    def _cut_off(self) -> None:
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()


class _Protocol(H11Protocol):
    most = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            # Ends with the first byte that comes.
            self.timeout_keep_alive_task = self.loop.call_later(_SILENCE, self.timeout_keep_alive_handler)


def _no_refusal(record: logging.LogRecord) -> bool:
    # uvicorn takes a WebSocket that was refused with a status of its own for a mistake of the app.
    return "without completing handshake" not in record.getMessage()


def _listen(host: str, port: int) -> socket.socket:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if not 0 <= port <= 65535:
        raise UsageError(f"the port of the live page is {port}; it must be from 0 to 65535")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError):
        raise _no_host(host) from None
    try:
        # The system's own default for IPv6: where :: is asked for, IPv4 comes in, too.
        both = family == socket.AF_INET6 and host == "::"
        return socket.create_server(address[:2], family=family, dualstack_ipv6=both)
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise _no_host(host) from None
        remedy = {
            errno.EADDRINUSE: "choose another port, or end the program that has this one",
            errno.EACCES: "choose a port from 1024 on",
        }.get(error.errno or 0, "choose another host or port")
        why = os.strerror(error.errno) if error.errno else error  # its own text repeats the address
        raise OutputError(f"the live page can't listen on {place}: {why}; {remedy}") from error


def _no_host(host: str) -> UsageError:
    return UsageError(
        f"{host!r} is no name or address of this machine; the live page listens on 127.0.0.1 for this machine alone, "
        "or on 0.0.0.0 for the network"
    )


def _load(config: uvicorn.Config, certificate: Path | None, key: Path | None) -> None:
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise MissingFileError(f"there is no file {path} with a certificate or key for the live page")
    if key is not None and certificate is None:
        raise UsageError("a key without a certificate: give both, or neither for plain HTTP")
    try:
        config.load()
    except (ssl.SSLError, OSError) as error:
        raise UsageError(
            f"{certificate} can't be used for the live page: {getattr(error, 'reason', '') or error}; it must be a PEM "
            "certificate with its private key, here or in a file of its own"
        ) from error
