"""What viewers of the live page cost: CPU a frame of `ferlite run --web` with none, one and many."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier, Event, Thread

from websockets.sync.client import connect

from ..errors import FerliteError

COUNTS = (0, 1, 5, 20)
"""How many viewers there are, one after another."""

_SETTLING = 2.0  # seconds before each measurement


@dataclass(frozen=True)
class Cost:
    """What so many viewers cost.

    Attributes:
        viewers: How many.
        rate: Frames a second that were looked at.
        shown: Frames a second that the slowest viewer got; 0 without any.
        milliseconds: CPU of the whole process a frame, drawing the camera's picture and finding faces included.
    """

    viewers: int
    rate: float
    shown: float
    milliseconds: float


def measure(seconds: float, on_step: Callable[[str], object]) -> Iterator[Cost]:
    """Yield the cost of each number of viewers; all run on this machine, in this process.

    Args:
        seconds: How long each is measured.
        on_step: Called with what is done next.

    Raises:
        FerliteError: The program does not start.
    """
    with _served() as address:
        for count in COUNTS:
            on_step(f"{count} viewers")
            with _looking(address, count) as shown:
                time.sleep(_SETTLING)
                began, seen, before = time.monotonic(), list(shown), _numbers(address)
                time.sleep(seconds)
                after, got = _numbers(address), list(shown)
                lasted = time.monotonic() - began
            frames = after["ferlite_frames_total"] - before["ferlite_frames_total"]
            cpu = after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
            slowest = min((late - early for early, late in zip(seen, got, strict=True)), default=0)
            yield Cost(count, frames / lasted, slowest / lasted, 1000 * cpu / frames)


@contextmanager
def _looking(address: str, count: int) -> Iterator[list[int]]:
    """Have so many viewers within the block; yields how many pictures each got so far."""
    shown, over, ready = [0] * count, Event(), Barrier(count + 1)

    def look(number: int) -> None:
        with connect(address.replace("http", "ws") + "ws", compression=None, proxy=None) as socket:
            ready.wait()
            while not over.is_set():
                data = socket.recv()
                assert isinstance(data, bytes)  # noqa: S101
                shown[number] += len(data) > 4 + int.from_bytes(data[:4], "big")
                socket.send("next")

    threads = [Thread(target=look, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    try:
        yield shown
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _numbers(address: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{address}metrics") as answer:  # noqa: S310
        lines = (line.split() for line in answer.read().decode().splitlines() if line[:1] not in ("#", ""))
        return {name: float(value) for name, value in (line for line in lines if len(line) == 2)}


@contextmanager
def _served() -> Iterator[str]:
    """Run `ferlite run --web` within the block; yields its address."""
    program = "from ferlite.cli.app import main; main()"
    options = ["virtual:faces=2,live=true", "--web", "--web-port", "0", "--output", "/dev/null"]
    command = [sys.executable, "-c", program, "run", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            line = process.stderr.readline() if process.stderr else ""
            if not line.startswith("live page: "):
                raise FerliteError(f"ferlite run --web does not start: {line.strip()}")
            yield line.removeprefix("live page: ").strip()
        finally:
            process.terminate()
