"""A live page over a real pipeline, and the programs that ask it."""

import http.client
import json
import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ferlite import LivePage, Pipeline, VirtualCamera
from ferlite.device.types import FrameResult

TOKEN = "open-sesame-0123456789"  # noqa: S105


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Message:
    about: dict
    picture: bytes


class Site:
    """A live page and the results that it is handed; asks it as programs do."""

    def __init__(self, pipeline: Pipeline, result: FrameResult, **options):
        self.pipeline, self.result = pipeline, result
        self.page = LivePage(pipeline, port=0, **options)
        self.port = self.page._server.port

    def see(self) -> None:
        self.page.take(self.result)

    def ask(self, path="/", method="GET", body=None, host=None, headers=()) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for value in [host or f"127.0.0.1:{self.port}"] if host is None or isinstance(host, str) else host:
            connection.putheader("Host", value)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        with connection.getresponse() as answer:
            found = Answer(answer.status, answer.headers, answer.read())
        connection.close()
        return found

    def log_in(self, token=TOKEN, **options) -> Answer:
        return self.ask("/login", "POST", json.dumps({"token": token}).encode(), **options)

    def socket(self, path="/ws", **options):
        return connect(f"ws://127.0.0.1:{self.port}{path}", compression=None, proxy=None, **options)

    def metric(self, name: str) -> float:
        lines = self.ask("/metrics").body.decode().splitlines()
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        return float(line.split()[1])


def received(socket) -> Message:
    """Return the next message that a page gets."""
    data = socket.recv(timeout=20)
    length = int.from_bytes(data[:4], "big")
    return Message(json.loads(data[4 : 4 + length]), data[4 + length :])


@pytest.fixture(scope="session")
def watching():
    """A pipeline whose frames are handed to it, and what it saw in one."""
    with Pipeline.open(None) as pipeline, VirtualCamera(faces=2) as camera:
        yield pipeline, replace(pipeline.process(camera.frame(0)), events=())


@pytest.fixture
def serve(watching):
    """Open live pages that are closed when the test ends."""
    with ExitStack() as stack:

        def make(**options) -> Site:
            site = Site(*watching, **options)
            stack.enter_context(site.page)
            return site

        yield make


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Whatever a viewer does, no traceback of the server's may come of it."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []


@pytest.fixture
def receive():
    return received


def ending(socket) -> int | None:
    """Read until the server ends it, and return the code that it gives."""
    while True:
        try:
            socket.recv(timeout=20)
        except ConnectionClosed as end:
            return end.rcvd and end.rcvd.code


@pytest.fixture
def end_of():
    return ending
