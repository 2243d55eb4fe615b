"""The live page under test in Chromium: how soon it shows what the camera saw, and how it comes back."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ..errors import FerliteError
from .chromium import Browser, Tab

_RATE = 15  # frames a second of the drawn camera
_TABS = 8
_PATIENCE = 60.0  # seconds for the program to start
_LIVE = "document.body.dataset.state == 'running'"

# Notes for each picture that is acknowledged when it was taken and when the browser shows the next frame after it
# was drawn, in milliseconds since the epoch; both clocks are this machine's.
_PROBE = """
window.shown = [];
window.first = 0;
window.WebSocket = class extends WebSocket {
  #taken = [];
  constructor(address) {
    super(address);
    this.addEventListener("message", ({ data }) => {
      const length = new DataView(data).getUint32(0);
      const { result } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
      this.#taken.push(result && 1000 * result.unix);
    });
  }
  send(text) {
    const taken = this.#taken.shift();
    if (taken) requestAnimationFrame(() => { first ||= performance.now(); shown.push([taken, Date.now()]); });
    super.send(text);
  }
};
"""


@dataclass(frozen=True)
class Finding:
    """What was measured.

    Attributes:
        name: Of the measure, with its unit.
        found: Its value.
        least: The value must not be below; None if it may.
        most: Nor above.
    """

    name: str
    found: float
    least: float | None = None
    most: float | None = None

    @property
    def good(self) -> bool:
        """Whether it is as it must be."""
        return (self.least is None or self.found >= self.least) and (self.most is None or self.found <= self.most)


def run(seconds: float, on_step: Callable[[str], object]) -> Iterator[Finding]:
    """Yield one finding after another.

    Args:
        seconds: How long one page, and then eight, are looked at.
        on_step: Called with what is done next.

    Raises:
        FerliteError: The program or the browser does not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    with Browser() as browser:
        with _served(port) as program:
            on_step("one page")
            tab = browser.tab(address, script=_PROBE)
            tab.wait_for("window.first")
            yield Finding("first picture, ms after opening the address", tab.evaluate("first"), most=1500)
            time.sleep(1)
            (found,) = _looked_at([tab], seconds)
            yield Finding(f"frames shown a second, of {_RATE}", len(found) / seconds, least=14)
            yield Finding("frame to screen, ms, median", float(np.median(found)))
            yield Finding("frame to screen, ms, p95", float(np.quantile(found, 0.95)), most=100)
            on_step(f"{_TABS} pages")
            tabs = [tab, *(browser.tab(address, size=(640, 480), script=_PROBE) for _ in range(_TABS - 1))]
            for each in tabs:
                each.wait_for("window.first")
            found = _looked_at(tabs, seconds)
            yield Finding(f"pages of {_TABS} that are live", sum(map(bool, map(len, found))), least=_TABS)
            yield Finding("frames a second of the slowest of them", min(map(len, found)) / seconds)
            on_step("hidden pages")
            for each in tabs:
                each.hide()
            yield Finding("streams of hidden pages, a second later", _viewers_soon(address), most=0)
            for each in tabs[1:]:
                each.close()
            tab.hide(False)
            tab.wait_for(_LIVE)
            on_step("a server that hangs")
            program.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            tab.wait_for(f"!({_LIVE})")
            yield Finding("a server that hangs is noticed, s", time.monotonic() - began, most=5)
            program.send_signal(signal.SIGCONT)
            tab.wait_for(_LIVE)
        tab.wait_for(f"!({_LIVE})")
        on_step("a restarted server")
        tab.evaluate("first = 0")
        with _served(port):
            answers = time.monotonic()
            tab.wait_for("window.first")
            yield Finding("picture again, s after the server is back", time.monotonic() - answers, most=5)


def _looked_at(tabs: list[Tab], seconds: float) -> list[list[float]]:
    """Return for each page the milliseconds from frame to screen of what it shows in so many seconds."""
    for tab in tabs:
        tab.evaluate("void (shown = [])")
    time.sleep(seconds)
    return [tab.evaluate("shown.map(([taken, drawn]) => drawn - taken)") for tab in tabs]


def _viewers_soon(address: str) -> float:
    time.sleep(1)
    with urllib.request.urlopen(f"{address}metrics") as answer:  # noqa: S310
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("ferlite_viewers ")))


@contextmanager
def _served(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `ferlite run --web` until the block ends."""
    program = "from ferlite.cli.app import main; main()"
    spec = "virtual:faces=2,live=true"
    command = [sys.executable, "-c", program, "run", spec, "--web", "--web-port", str(port)]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent) as process:  # noqa: S603
        try:
            until = time.monotonic() + _PATIENCE
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > until:
                    raise FerliteError(f"{json.dumps(command[3:])} does not serve; try it by hand")
                time.sleep(0.02)
            yield process
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0
