"""The addresses of the live page.

/             the page                            no login
/kiosk        picture and label alone             no login
/static/...   what both are made of               no login
/theme.css    the owner's style                   no login
/login        GET: 204 where no login is needed or it was done, else 401
              POST {"token": ...}: 204 and a cookie, else 403; 429 after too many wrong ones
/ws           WebSocket: picture and results      see `Viewers`
/events       events, as server-sent events
/video.mjpg   pictures, one after another
/snapshot.jpg the newest picture
/metrics      for Prometheus
/healthz      200 where frames come, else 503
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from .feed import Feed
from .guard import client, too_many
from .login import Login, TooManyAttempts
from .metrics import Metrics
from .pictures import Shown
from .viewers import TooManyViewers, Viewers

STATIC = Path(__file__).with_name("static")

PUBLIC = ("/", "/kiosk", "/static/", "/theme.css", "/favicon.ico", "/login")
"""What shows nobody, and is needed to log in."""

_LONGEST_BODY = 1024  # bytes
_BOUNDARY = "frame"


class Addresses:
    """Answers requests.

    Args:
        feed: Where results come from.
        viewers: Who looks.
        metrics: Numbers for Prometheus.
        login: Checks tokens.
        cookie: Name of the cookie.
        secure: Whether the cookie is for TLS alone.
        picture: What is shown of the picture.
        stall: Seconds without a frame after which all is not well.
        theme: The owner's style.
    """

    def __init__(
        self,
        feed: Feed,
        viewers: Viewers,
        metrics: Metrics,
        login: Login,
        *,
        cookie: str,
        secure: bool,
        picture: Shown,
        stall: float,
        theme: Path | None,
    ) -> None:
        self._feed, self._viewers, self._metrics, self._login = feed, viewers, metrics, login
        self._cookie, self._secure = cookie, secure
        self._picture, self._stall, self._theme = picture, stall, theme

    def app(self) -> Starlette:
        """Return the app that answers."""
        return Starlette(
            routes=[
                Route("/", self._page("index.html")),
                Route("/kiosk", self._page("kiosk.html")),
                Route("/theme.css", self.theme),
                Route("/favicon.ico", self._page("icon.svg")),
                Mount("/static", StaticFiles(directory=STATIC)),
                Route("/login", self.logged_in, methods=["GET"]),
                Route("/login", self.log_in, methods=["POST"]),
                WebSocketRoute("/ws", self.live),
                Route("/events", self.events),
                Route("/video.mjpg", self.video),
                Route("/snapshot.jpg", self.snapshot),
                Route("/metrics", self.metrics),
                Route("/healthz", self.health),
            ],
            exception_handlers={TooManyViewers: _full},
        )

    def _page(self, name: str):
        async def page(request: Request) -> Response:
            return FileResponse(STATIC / name, headers={"cache-control": "no-cache"})

        return page

    async def theme(self, request: Request) -> Response:
        """Return the owner's style; empty where there is none."""
        if self._theme is None:
            return Response(media_type="text/css")
        return FileResponse(self._theme, media_type="text/css")

    async def logged_in(self, request: Request) -> Response:
        """Say whether a login is needed still."""
        cookie = request.cookies.get(self._cookie, "")
        return Response(status_code=204 if not self._login.needed or self._login.knows(cookie) else 401)

    async def log_in(self, request: Request) -> Response:
        """Give a cookie for a token."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST_BODY:
                return PlainTextResponse("too long for a token\n", 413, {"connection": "close"})
        try:
            token = json.loads(body)["token"]
        except (ValueError, KeyError, TypeError):
            return PlainTextResponse('expected {"token": "..."}\n', 400)
        try:
            if not isinstance(token, str) or not self._login.right(token, client(request.scope)):
                return PlainTextResponse("this is not the token\n", 403)
        except TooManyAttempts as error:
            return too_many(error)
        answer = Response(status_code=204)
        answer.set_cookie(
            self._cookie,
            self._login.cookie(),
            max_age=self._login.lasts,
            httponly=True,
            samesite="strict",
            secure=self._secure or request.url.scheme == "https",
        )
        return answer

    async def live(self, socket: WebSocket) -> None:
        """Send picture and results to a page."""
        try:
            with self._viewers.seat():
                await socket.accept()
                await self._viewers.page(socket)
        except TooManyViewers:
            await socket.send_denial_response(_full())

    async def events(self, request: Request) -> Response:
        """Send events as they happen."""

        async def lines() -> AsyncIterator[str]:
            async for event in self._viewers.events():
                yield f"event: {event.kind}\ndata: {json.dumps(event.to_json())}\n\n" if event else ":\n\n"

        return self._stream(request, lines(), "text/event-stream")

    async def video(self, request: Request) -> Response:
        """Send pictures one after another."""

        async def parts() -> AsyncIterator[bytes]:
            yield f"--{_BOUNDARY}\r\n".encode()
            async for picture in self._viewers.pictures():
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                # Browsers show a picture when they see what ends it.
                yield head.encode() + picture + f"\r\n--{_BOUNDARY}\r\n".encode()

        kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        return self._no_picture() or self._stream(request, parts(), kind)

    async def snapshot(self, request: Request) -> Response:
        """Send the newest picture."""
        if refusal := self._no_picture():
            return refusal
        shot = self._feed.shot
        if shot is None or self._feed.silent > self._stall:
            return PlainTextResponse("the camera gives no frames\n", 503)
        return Response(await shot.picture(), media_type="image/jpeg")

    async def metrics(self, request: Request) -> Response:
        """Send the numbers."""
        text, kind = await self._metrics.text()
        return Response(text, headers={"content-type": kind})

    async def health(self, request: Request) -> Response:
        """Say whether frames come."""
        silent = self._feed.silent
        if silent > self._stall:
            return PlainTextResponse(f"no frame for {silent:.0f} s\n", 503)
        return PlainTextResponse("ok\n")

    def _no_picture(self) -> Response | None:
        if self._picture == "none":
            return PlainTextResponse("the picture is left out; see --web-picture\n", 404)
        return None

    def _stream(self, request: Request, parts: AsyncIterator[bytes] | AsyncIterator[str], kind: str) -> Response:
        if request.method == "HEAD":
            return Response(headers={"content-type": kind})
        # Seated now, so that a viewer too many gets its answer, and given back when the stream ends, however that is.
        seat = ExitStack()
        seat.enter_context(self._viewers.seat())
        return _Stream(parts, seat, kind)


class _Stream(StreamingResponse):
    def __init__(self, parts: AsyncIterator[bytes] | AsyncIterator[str], seat: ExitStack, kind: str) -> None:
        super().__init__(parts, media_type=kind)
        self._seat = seat

    async def __call__(self, scope, receive, send) -> None:
        with self._seat:
            await super().__call__(scope, receive, send)


def _full(*_: object) -> Response:
    return PlainTextResponse("as many look as may; see --viewers\n", 503, {"retry-after": "10"})
