"""What a pipeline sees, on a page for browsers and programs."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from ...errors import MissingFileError, RuntimeMissingError, UsageError, check_range
from .. import kept
from ..event_types import Event
from ..outputs.base import Output, closed
from ..pipeline import Pipeline
from ..state import OutputState
from ..types import FrameResult
from .feed import Feed
from .login import FORM, Login, is_token, read_token
from .pictures import SHOWN, Shown, jpeg

_KEPT = "web-token"  # name of its file, and of the systemd credential


class LivePage(Output):
    """A web page with picture, faces, events and state, for as long as it is open.

        with Pipeline.open("picamera:0") as pipeline, LivePage(pipeline) as page:
            print(page.address)
            pipeline.run(page)

    It has a thread of its own and holds up nothing. Pictures are drawn and encoded only while somebody looks.

    Args:
        pipeline: Whose results are shown.
        host: Name or address of this machine to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 for the network.
        port: Its port; 0 for any that is free.
        token: The secret that lets viewers in. If None, this machine's own viewers need none; where others can come,
            by `host` or by `names`, it is made once and kept; see `token_path`. A systemd credential `web-token` comes
            before that.
        names: Host names that the page goes by beside this machine's own, as behind a reverse proxy.
        certificate: PEM file of a certificate, for https.
        key: PEM file of its private key, if not in the same file.
        picture: "full", "blur" (the whole picture, so that nobody can be recognised) or "none".
        viewers: How many may look at once.
        stall: Seconds without a frame after which `/healthz` says so.
        patience: Seconds after which a viewer that takes nothing is dropped.
        theme: A style sheet of your own for page and kiosk view.

    Attributes:
        address: Where the page is.
        token_path: File of the token that was made or handed over; None where there is none, or it was given.

    Raises:
        RuntimeMissingError: The extra `web` is not installed.
        UsageError: An option lies outside its range, or the certificate does not fit.
        OutputError: The port is in use.
        MissingFileError: A file that was named is missing.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        host: str = "127.0.0.1",
        port: int = 8080,
        *,
        token: str | None = None,
        names: Sequence[str] = (),
        certificate: str | Path | None = None,
        key: str | Path | None = None,
        picture: Shown = "full",
        viewers: int = 20,
        stall: float = 5.0,
        patience: float = 10.0,
        theme: str | Path | None = None,
    ) -> None:
        check_range("viewers", viewers, 1, 1000, whole=True)
        check_range("stall", stall, 0.1)
        check_range("patience", patience, 0.1)
        if picture not in SHOWN:
            raise UsageError(f"picture is {picture!r}; it must be {', '.join(SHOWN[:-1])} or {SHOWN[-1]}")
        if token is not None and not is_token(token):
            raise UsageError(f"the token of the live page must be {FORM}")
        if theme is not None and not Path(theme).is_file():
            raise MissingFileError(f"there is no style sheet {theme}")
        try:
            # Imported here: they are an extra, and take their time to load.
            from .app import PUBLIC, Addresses
            from .guard import Guard
            from .metrics import Metrics
            from .scene import Scene
            from .server import Server
            from .viewers import Viewers
        except ModuleNotFoundError as error:
            raise RuntimeMissingError(
                f"the live page needs {error.name}, which comes with the extra 'web': pip install 'ferlite[web]'"
            ) from error
        self._closed = False
        self._server = Server(host, port, patience=patience)
        self._worker = ThreadPoolExecutor(1, "live page picture")
        try:
            self.token_path: Path | None = None
            if token is None:
                token, self.token_path = _kept_token(needed=bool(names) or not self._server.local)
            login = Login(token)
            self._token = token
            scheme = "http" if certificate is None else "https"
            self.address = self.name = f"{scheme}://{_shown(host)}:{self._server.port}/"
            self._feed = Feed(lambda result: jpeg(result, picture), self._worker)
            scene = Scene(pipeline, picture, self._worker)
            seats = Viewers(self._feed, scene, most=viewers, patience=patience)
            cookie = f"ferlite-{self._server.port}"
            addresses = Addresses(
                self._feed,
                seats,
                Metrics(self._feed, scene, seats),
                login,
                cookie=cookie,
                secure=certificate is not None,
                picture=picture,
                stall=stall,
                theme=Path(theme) if theme else None,
            )

            self._server.start(
                Guard(
                    addresses.app(), login, names=[host, *names], local=self._server.local, cookie=cookie, public=PUBLIC
                ),
                connections=2 * viewers + 100,
                certificate=Path(certificate) if certificate else None,
                key=Path(key) if key else None,
                on_start=self._feed.start,
                on_stop=self._feed.end,
            )
        except BaseException:
            self.close()
            raise

    @property
    def link(self) -> str:
        """The address with the token, where one is needed: for the owner's eyes, not for logs."""
        return f"{self.address}#{quote(self._token, safe='')}" if self._token else self.address

    @property
    def states(self) -> tuple[OutputState, ...]:
        """How the page is doing."""
        return (OutputState(self.name, 0, self._server.problem),)

    def write(self, result: FrameResult) -> None:
        """Keep a result for whoever looks.

        Raises:
            OutputError: The page was closed before.
        """
        if self._closed:
            raise closed(self.name)
        self._feed.put(result)

    def event(self, event: Event) -> None:
        """Keep an event for whoever looks."""
        self._feed.put_event(event)

    def close(self) -> None:
        """Say goodbye to all viewers; may be called again."""
        self._closed = True
        self._server.close()
        self._worker.shutdown(wait=False, cancel_futures=True)


def _shown(host: str) -> str:
    """Return what leads to a host in an address; of the whole machine its name in the local network (mDNS)."""
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return f"{socket.gethostname().partition('.')[0]}.local"
    return f"[{host}]" if ":" in host else host


def _kept_token(*, needed: bool) -> tuple[str | None, Path | None]:
    """Return the token that was handed over or, if one is needed, made; and its file."""
    if handed_over := kept.credential(_KEPT):
        return read_token(handed_over), handed_over
    return (kept.token(_KEPT), kept.state_folder() / _KEPT) if needed else (None, None)
