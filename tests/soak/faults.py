"""What goes wrong: each kind breaks something when it is entered, and lifts it when it is left."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count

from failures import CheckError
from rig import Rig
from subject import FILES
from watchers import wait_for
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from ferlite.models import registry

DAY = 86_400.0
HANGING_DISK = "disk hangs"
"""A kind that needs a file system which can be frozen."""

STOPPED = "program stopped (SIGSTOP)"
"""A kind with a time of its own."""

_SIZES = ((320, 240), (800, 600), (160, 120), (640, 480))

Kind = Callable[[Rig, random.Random], AbstractContextManager[None]]

KINDS: dict[str, Kind] = {}
"""All kinds, by what happens."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong once.

    Attributes:
        kind: What happens.
        seconds: For how long.
        pause: Seconds of peace before.
        seed: Of what is drawn in it.
    """

    kind: str
    seconds: float
    pause: float
    seed: int


def plan(
    seed: int, *, kinds: list[str], seconds: tuple[float, float], pause: tuple[float, float]
) -> Iterator[list[Fault]]:
    """Yield round after round, in each of which every kind happens once; the same ones for the same seed."""
    for number in count():
        chance = random.Random(f"{seed} {number}")
        yield [
            Fault(kind, chance.uniform(*seconds), chance.uniform(*pause), chance.randrange(1 << 30))
            for kind in chance.sample(kinds, len(kinds))
        ]


def _kind(name: str) -> Callable[[Callable[[Rig, random.Random], Iterator[None]]], Kind]:
    def register(function: Callable[[Rig, random.Random], Iterator[None]]) -> Kind:
        KINDS[name] = contextmanager(function)
        return KINDS[name]

    return register


def _told(rig: Rig, fault: str) -> Iterator[None]:
    rig.tell(**{fault: True})
    yield
    rig.tell(**{fault: False})


@_kind("camera stalls")
def _stalls(rig: Rig, chance: random.Random) -> Iterator[None]:
    return _told(rig, "stalled")


@_kind("camera vanishes")
def _vanishes(rig: Rig, chance: random.Random) -> Iterator[None]:
    return _told(rig, "gone")


@_kind("camera comes back with another size")
def _another_size(rig: Rig, chance: random.Random) -> Iterator[None]:
    rig.tell(gone=True)
    yield
    rig.tell(gone=False, size=chance.choice(_SIZES))


@_kind("corrupt frames")
def _corrupt(rig: Rig, chance: random.Random) -> Iterator[None]:
    return _told(rig, "corrupt")


@_kind("broker killed")
def _broker_killed(rig: Rig, chance: random.Random) -> Iterator[None]:
    rig.broker.stop(signal.SIGKILL)
    yield
    rig.broker.start()


@_kind("broker hangs")
def _broker_hangs(rig: Rig, chance: random.Random) -> Iterator[None]:
    rig.broker.pause()
    yield
    rig.broker.resume()


@_kind("disk full")
def _disk_full(rig: Rig, chance: random.Random) -> Iterator[None]:
    ballast = rig.disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    yield
    ballast.unlink()


@_kind(HANGING_DISK)
def _disk_hangs(rig: Rig, chance: random.Random) -> Iterator[None]:
    subprocess.run(["fsfreeze", "--freeze", str(rig.disk)], check=True)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", str(rig.disk)], check=True)


@_kind("clock a day ahead, and back")
def _clock_ahead(rig: Rig, chance: random.Random) -> Iterator[None]:
    rig.tell(ahead=DAY)
    yield
    rig.tell(ahead=0.0)


@_kind("clock a day behind, and back")
def _clock_behind(rig: Rig, chance: random.Random) -> Iterator[None]:
    rig.tell(ahead=-DAY)
    yield
    rig.tell(ahead=0.0)


@_kind(STOPPED)
def _stopped(rig: Rig, chance: random.Random) -> Iterator[None]:
    rig.process.send_signal(signal.SIGSTOP)
    yield
    rig.process.send_signal(signal.SIGCONT)


@_kind("hang-up (SIGHUP)")
def _hang_up(rig: Rig, chance: random.Random) -> Iterator[None]:
    rig.process.send_signal(signal.SIGHUP)
    yield


@_kind("viewers stuck")
def _viewers_stuck(rig: Rig, chance: random.Random) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(_raw(rig, "/ws", upgrade=True))
            stack.enter_context(_raw(rig, chance.choice(["/video.mjpg", "/events"])))
        yield


@_kind("viewers come and go")
def _viewers_come_and_go(rig: Rig, chance: random.Random) -> Iterator[None]:
    for _ in range(30):
        with suppress(OSError, WebSocketException):
            if chance.random() < 0.5:
                with connect(f"ws://{rig.address.netloc}/ws", compression=None, proxy=None, open_timeout=2) as socket:
                    socket.recv(timeout=1)
            else:
                _raw(rig, chance.choice(["/ws", "/video.mjpg", "/events", "/snapshot.jpg", "/"])).close()
    yield


@_kind("garbage to the page's port")
def _garbage(rig: Rig, chance: random.Random) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(20):
            place = stack.enter_context(socket.create_connection((rig.address.hostname, rig.address.port), 2))
            first = chance.choice([b"", b"\x16\x03\x01\x02", b"GET / HTTP/1.1\r\n", b"GET " + b"/" * 70_000])
            with suppress(OSError):  # it may have hung up already
                place.sendall(first + chance.randbytes(chance.randrange(5000)))
        yield


@_kind("model file replaced")
def _model_replaced(rig: Rig, chance: random.Random) -> Iterator[None]:
    good = rig.model.read_bytes()
    with rig.model.open("r+b") as file:
        file.write(chance.randbytes(len(good) // 2))
        file.truncate()
    yield
    rig.model.write_bytes(registry.path("ferlite-m-ferplus").read_bytes())
    rig.model.write_bytes(good)


@_kind("other programs take the processor")
def _processor_taken(rig: Rig, chance: random.Random) -> Iterator[None]:
    greedy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for each in greedy:
            each.kill()
            each.wait()


@_kind("out of descriptors")
def _out_of_descriptors(rig: Rig, chance: random.Random) -> Iterator[None]:
    limits = resource.prlimit(rig.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(rig.process.pid, resource.RLIMIT_NOFILE, (rig.sample().descriptors, limits[1]))
    try:
        with ExitStack() as stack:
            # Everything that opens something is made to.
            for _ in range(10):
                stack.enter_context(_raw(rig, "/ws", upgrade=True))
            _remove_files(rig)
            rig.broker.stop()
            rig.broker.start()
            yield
    finally:
        resource.prlimit(rig.process.pid, resource.RLIMIT_NOFILE, limits)


@_kind("files removed")
def _files_removed(rig: Rig, chance: random.Random) -> Iterator[None]:
    _remove_files(rig)
    yield


@_kind("files renamed")
def _files_renamed(rig: Rig, chance: random.Random) -> Iterator[None]:
    for name in FILES:
        with suppress(FileNotFoundError):
            (rig.disk / name).rename(rig.disk / f"{name}.moved")
    yield
    for name in FILES:
        (rig.disk / f"{name}.moved").unlink(missing_ok=True)


@_kind("heat")
def _heat(rig: Rig, chance: random.Random) -> Iterator[None]:
    rig.temperature.write_text("80000\n")
    if not wait_for(lambda: rig.status["limit"], 60):
        raise CheckError("it is hot, and as many frames are looked at as before")
    yield
    rig.temperature.write_text("45000\n")


def _remove_files(rig: Rig) -> None:
    for name in FILES:
        (rig.disk / name).unlink(missing_ok=True)


def _raw(rig: Rig, path: str, *, upgrade: bool = False) -> socket.socket:
    """Ask for something, and never read the answer."""
    place = socket.create_connection((rig.address.hostname, rig.address.port), 2)
    head = f"GET {path} HTTP/1.1\r\nHost: {rig.address.netloc}\r\n"
    if upgrade:
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        head += f"Upgrade: websocket\r\nConnection: Upgrade\r\n{key}"
    place.sendall(f"{head}\r\n".encode())
    return place
