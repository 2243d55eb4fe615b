"""What a run consists of: a disk, a broker, the program, who watches it, and whether all of it works."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from failures import CheckError
from subject import FILES
from watchers import Subscriber, Viewer, wait_for

from ferlite.device.closing import Closing
from ferlite.models import registry
from ferlite.tools.mosquitto import Mosquitto

_DISK = "24M"
_START, _END = 60.0, 10.0  # seconds
_FRAMES = 5  # that must come again


@dataclass(frozen=True)
class Mark:
    """How far everything was at a moment, in seconds since the program was started."""

    at: float
    frames: int
    seen: int
    heard: int
    files: dict[str, tuple[int, ...] | None]


@dataclass(frozen=True)
class Sample:
    """What the program holds at a moment: seconds since its start, MB (10^6 bytes), counts, threads by name."""

    at: float
    resident: float
    descriptors: int
    threads: dict[str, int]
    frames: int


@dataclass
class Status:
    """What the program said last, and when."""

    at: float = 0.0
    values: dict[str, Any] = field(default_factory=dict)


class Rig(Closing):
    """Runs the program with all that it needs.

    Args:
        work: An empty folder, in a mount namespace of its own.
        rate: See `subject.main`, as with the others.
        seed: The same.
        stall: The same.
        hurry: The same.

    Attributes:
        disk: Where the program's files go: a small file system of its own.
        freezes: That file system can be made to hang.
        temperature: File with the temperature of its machine.
        model: Its model.
        broker: Its broker.
        viewer: Looks at its page.
        subscriber: Listens to its broker.

    Raises:
        CheckError: It does not start.
    """

    def __init__(self, work: Path, *, rate: float, seed: int, stall: float, hurry: float) -> None:
        self.work, self.disk, self.model = work, work / "disk", work / "model.tflite"
        self.temperature = work / "sys/class/thermal/thermal_zone0/temp"
        self.temperature.parent.mkdir(parents=True)
        self.temperature.write_text("45000\n")
        self.model.write_bytes(registry.path("ferlite-m").read_bytes())
        self.rate, self._status = rate, Status()
        options = {"work": str(work), "rate": rate, "seed": seed, "stall": stall, "hurry": hurry}
        with ExitStack() as stack:
            self.disk.mkdir()
            self.freezes = _mount(work / "disk.img", self.disk)
            stack.callback(subprocess.run, ["umount", str(self.disk)], check=False)
            self.broker = stack.enter_context(Mosquitto(work)).start()
            self.subscriber = stack.enter_context(Subscriber(self.broker.port))
            self._began = time.monotonic()
            self.process = self._start({**options, "broker": f"mqtt://127.0.0.1:{self.broker.port}"})
            stack.callback(self._end)
            Thread(target=self._read, name="status", daemon=True).start()
            if not wait_for(lambda: self.ended or self.status.get("frames"), _START) or self.ended:
                raise CheckError(f"it does not start\n{self.log()}")
            self.address = urlsplit(self.status["page"])
            self.viewer = stack.enter_context(Viewer(f"ws://{self.address.netloc}/ws"))
            self._all = stack.pop_all()

    @property
    def status(self) -> dict[str, Any]:
        """What the program said last."""
        return self._status.values

    @property
    def now(self) -> float:
        """Seconds since the program was started."""
        return time.monotonic() - self._began

    @property
    def ended(self) -> bool:
        """The program is gone."""
        return self.process.poll() is not None

    def tell(self, **values: object) -> None:
        """Tell the program what is wrong with its camera, or by how much its clock is ahead."""
        assert self.process.stdin is not None
        print(json.dumps(values), file=self.process.stdin, flush=True)

    def log(self) -> str:
        """Return the end of what the program logged."""
        return (self.work / "log").read_text(errors="replace")[-3000:]

    def sample(self) -> Sample:
        """Return what the program holds now."""
        folder = Path("/proc", str(self.process.pid))
        pages = int((folder / "statm").read_text().split()[1])
        return Sample(
            at=self.now,
            resident=pages * os.sysconf("SC_PAGESIZE") / 1e6,
            descriptors=len(list((folder / "fd").iterdir())),
            threads=self.status.get("threads", {}),
            frames=self.status.get("frames", 0),
        )

    def mark(self) -> Mark:
        """Return how far everything is."""
        files = {name: _signature(self.disk / name) for name in FILES}
        return Mark(self.now, self.status["frames"], self.viewer.seen, self.subscriber.heard, files)

    def runs_since(self, mark: Mark) -> bool:
        """Return whether frames came since a moment."""
        return self._status.at > mark.at and (
            self.status["state"] == "running" and self.status["frames"] >= mark.frames + _FRAMES
        )

    def troubles_since(self, mark: Mark) -> list[str]:
        """Return what has not worked since a moment; nothing where everything does.

        Raises:
            CheckError: The program ended.
        """
        if self.ended:
            raise CheckError(f"the program ended with exit code {self.process.returncode}\n{self.log()}")
        if not self.runs_since(mark):
            return [f"no frames: {self.status['state']}, {self.status['reason']}"]
        found = [each["problem"] for each in self.status["outputs"] if each["problem"]]
        found += ["fewer frames are looked at"] * bool(self.status["limit"])
        # A file that is begun anew is smaller, and one that was removed lacks for a moment.
        signatures = {name: _signature(self.disk / name) for name in FILES}
        found += [f"{name} is not written" for name, now in signatures.items() if now in (None, mark.files[name])]
        found += ["the viewer sees nothing"] * (self.viewer.seen <= mark.seen)
        found += ["nothing is published"] * (self.subscriber.heard <= mark.heard)
        # Asked last, and only where all else is well: a question costs the page a connection.
        return found or self._troubles_of_page()

    def ask(self, path: str) -> tuple[int, str]:
        """Ask the live page, and return status and text."""
        connection = http.client.HTTPConnection(self.address.netloc, timeout=2)
        try:
            connection.request("GET", path)
            with connection.getresponse() as answer:
                return answer.status, answer.read().decode()
        finally:
            connection.close()

    def stop(self) -> int:
        """Stop the program as a service does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_END)

    def close(self) -> None:
        """End everything that was started."""
        self._all.close()

    def _start(self, options: dict[str, object]) -> subprocess.Popen[str]:
        program = Path(__file__).with_name("subject.py")
        with (self.work / "log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, str(program), json.dumps(options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Threads of numpy would only fight for the cores.
                env={**os.environ, "STATE_DIRECTORY": str(self.work), "OPENBLAS_NUM_THREADS": "1"},
                cwd=self.work,
            )

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                if stream:
                    stream.close()

    def _troubles_of_page(self) -> list[str]:
        try:
            health, metrics = self.ask("/healthz"), self.ask("/metrics")
        except (OSError, http.client.HTTPException) as error:
            return [f"the page does not answer: {error!r}"]
        if health[0] != 200 or metrics[0] != 200:
            return [f"the page answers {health[0]} and {metrics[0]}"]
        viewers = next(line for line in metrics[1].splitlines() if line.startswith("ferlite_viewers "))
        return [] if float(viewers.split()[1]) == 1 else [f"{viewers}, not 1"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._status = Status(self.now, json.loads(line))


def _mount(image: Path, folder: Path) -> bool:
    """Mount a small file system; return whether it can be frozen, as those on a device can."""
    with image.open("wb") as file:
        file.truncate(int(_DISK[:-1]) << 20)
    make = ["mkfs.ext4", "-q", "-F", "-m", "0", str(image)]
    with suppress(FileNotFoundError, subprocess.CalledProcessError):
        subprocess.run(make, check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True, capture_output=True)
        return True
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "ferlite-soak", str(folder)], check=True)
    return False


def _signature(file: Path) -> tuple[int, ...] | None:
    """Return what changes when a file is written."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
