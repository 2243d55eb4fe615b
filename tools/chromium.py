"""Chromium without a window, driven over its DevTools protocol: for tests and for pictures of the live page."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from ..device.closing import Closing
from ..errors import FerliteError

PROGRAM = shutil.which("chromium")
"""None where Chromium is not installed."""

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_PATIENCE = 30.0  # seconds for an answer


class BrowserError(FerliteError, RuntimeError):
    """The browser did not start, or what was asked of a page failed in it."""


class Browser(Closing):
    """A browser with a fresh profile.

        with Browser() as browser:
            tab = browser.tab("http://127.0.0.1:8000/")
            tab.wait_for("document.title == 'ferlite'")

    Attributes:
        events: What all pages reported so far.

    Raises:
        BrowserError: There is no Chromium, or it does not start.
    """

    def __init__(self) -> None:
        if PROGRAM is None:
            raise BrowserError("there is no chromium here; install it, as with apt install chromium")
        self.events: list[dict[str, Any]] = []
        self._numbers = count(1)
        with ExitStack() as parts:
            profile = Path(parts.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            command = [PROGRAM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
            silent = subprocess.DEVNULL
            process = parts.enter_context(subprocess.Popen(command, stdin=silent, stdout=silent, stderr=silent))  # noqa: S603
            parts.callback(process.terminate)
            self._socket = parts.enter_context(connect(_address(process, profile), max_size=None))
            self._parts = parts.pop_all()

    def tab(
        self,
        url: str,
        *,
        size: tuple[int, int] = (1280, 800),
        dark: bool = False,
        still: bool = False,
        script: str = "",
    ) -> Tab:
        """Open a page in a window of its own.

        Args:
            url: Its address.
            size: Width and height in CSS pixels; a page narrower than 600 is shown as on a phone.
            dark: The system prefers dark colours.
            still: The system prefers reduced motion.
            script: JavaScript that runs before the page's own.
        """
        made = self.call("Target.createTarget", url="about:blank", newWindow=True)
        session = self.call("Target.attachToTarget", targetId=made["targetId"], flatten=True)["sessionId"]
        tab = Tab(self, made["targetId"], session)
        for domain in ("Page", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        phone = size[0] < 600
        tab.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0], height=size[1], deviceScaleFactor=1, mobile=phone,
        )  # fmt: skip
        features = {"prefers-color-scheme": "dark" if dark else "light"}
        features |= {"prefers-reduced-motion": "reduce"} if still else {}
        tab.call("Emulation.setEmulatedMedia", features=[{"name": k, "value": v} for k, v in features.items()])
        if script:
            tab.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        tab.open(url)
        return tab

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result.

        Raises:
            BrowserError: It failed, or the browser is gone.
        """
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        try:
            self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
            while True:
                answer = json.loads(self._socket.recv(timeout=_PATIENCE))
                if answer.get("id") == number:
                    break
                if "method" in answer:
                    self.events.append(answer)
        except (WebSocketException, OSError) as error:
            raise BrowserError(f"{method}: the browser does not answer: {error}") from error
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def close(self) -> None:
        """End the browser and remove its profile."""
        self._parts.close()


def _address(process: subprocess.Popen[bytes], profile: Path) -> str:
    """Wait until the browser has written where it listens."""
    noted, until = profile / "DevToolsActivePort", time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        lines = noted.read_text().split() if noted.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.02)
    raise BrowserError("chromium does not start; try it by hand with --headless --no-sandbox")


class Tab(Closing):
    """A page of a browser, in a window of its own.

    Args:
        browser: The browser.
        target: Number of its window in the protocol.
        session: Number of the connection to it.
    """

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """As `Browser.call`, for this page."""
        return self._browser.call(method, self._session, **parameters)

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; a promise is waited for.

        Raises:
            BrowserError: It throws.
        """
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(f"{expression}: {details.get('exception', {}).get('description', details['text'])}")
        return answer["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 10.0) -> Any:
        """Wait until an expression is true, and return its value.

        Raises:
            BrowserError: It is not, after so long.
        """
        until = time.monotonic() + seconds
        while True:
            # While a page is being loaded, what is asked for may not be there yet.
            found = self.evaluate(f"(() => {{ try {{ return ({expression}) || null }} catch {{ return null }} }})()")
            if found is not None:
                return found
            if time.monotonic() > until:
                raise BrowserError(f"{expression} is not true after {seconds:g} s; the page says:\n{self.text}")
            time.sleep(0.02)

    @property
    def text(self) -> str:
        """What a reader sees."""
        return self.evaluate("document.body?.innerText ?? ''")

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the browser reported of this page so far: method and parameters by the protocol's names."""
        self.evaluate("0")  # what was reported until now is read
        return [event for event in self._browser.events if event.get("sessionId") == self._session]

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of this page so far: exceptions, refused content, failed requests."""
        found = []
        for event in self.events:
            parameters = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif event["method"] == "Log.entryAdded" and parameters["entry"]["level"] in {"error", "warning"}:
                found.append(parameters["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and parameters["type"] in {"error", "warning"}:
                found.append(str([each.get("value", each.get("description")) for each in parameters["args"]]))
        return found

    def press(self, key: str, text: str = "") -> None:
        """Press and release a key, named as in `KeyboardEvent.key`."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        options = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper()))}
        text = text or {"Enter": "\r", " ": " "}.get(key, "")
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **options)
        self.call("Input.dispatchKeyEvent", type="keyUp", **options)

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self.call("Input.insertText", text=text)

    def hide(self, hidden: bool = True) -> None:
        """Minimize the window, or show it again."""
        window = self._browser.call("Browser.getWindowForTarget", targetId=self._target)["windowId"]
        bounds = {"windowState": "minimized" if hidden else "normal"}
        self._browser.call("Browser.setWindowBounds", windowId=window, bounds=bounds)

    def screenshot(self, *, quality: int | None = None) -> bytes:
        """Return what is to be seen: a PNG, or a JPEG of a quality from 0 to 100."""
        kind = {"format": "png"} if quality is None else {"format": "jpeg", "quality": quality}
        return base64.b64decode(self.call("Page.captureScreenshot", **kind)["data"])

    def close(self) -> None:
        """Close the window."""
        self._browser.call("Target.closeTarget", targetId=self._target)
