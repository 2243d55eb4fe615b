"""What every request passes, WebSockets too: is it for this page, from this page, and of somebody who may see it?"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .login import Login, TooManyAttempts

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_SECRET_NAMES = {"token", "access_token", "auth", "password"}


class Guard:
    """Refuses what must not reach an app, and adds the headers that keep browsers strict.

    Args:
        app: What is guarded.
        login: Checks tokens and cookies.
        names: Host names that the page goes by, beside this machine's own.
        local: Only this machine reaches the page.
        cookie: Name of the cookie.
        public: Paths that need no login, for they show nobody; those that end in / with all below them.
    """

    def __init__(
        self, app: ASGIApp, login: Login, *, names: Iterable[str], local: bool, cookie: str, public: tuple[str, ...]
    ) -> None:
        self._app, self._login, self._local = app, login, local
        self._cookie, self._public = cookie, public
        self._names = {"localhost", *(name.lower() for name in names)}
        if not local:
            own = socket.gethostname().lower()
            short = own.partition(".")[0]
            self._names |= {own, short, f"{short}.local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def strict(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, strict)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if not self._is_own(headers.getlist("host")):
            return _refused(421, "this page does not go by that name; name it with --web-name")
        if not _is_from_own_page(scope, headers):
            return _refused(403, "requests from other sites are refused")
        query = scope["query_string"].decode("latin-1")
        if self._login.contains_token(query) or _SECRET_NAMES & set(parse_qs(query, keep_blank_values=True)):
            return _refused(400, "a token in an address ends in logs; send it as 'Authorization: Bearer'")
        if not self._login.needed or self._is_public(scope["path"]):
            return None
        return self._unknown(scope, headers)

    def _unknown(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            try:
                if self._login.right(token.strip(), client(scope)):
                    return None
            except TooManyAttempts as error:
                return too_many(error)
        elif self._login.knows(HTTPConnection(scope).cookies.get(self._cookie, "")):
            return None
        return _refused(401, "log in: open the address with #token at its end", {"www-authenticate": "Bearer"})

    def _is_own(self, hosts: list[str]) -> bool:
        # A site that points its own name at this machine is known by that name (DNS rebinding). An address is no name.
        name = _host_name(hosts[0]) if len(hosts) == 1 else None
        if not name:
            return False
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name.removesuffix(".") in self._names
        return address.is_loopback or not self._local or name in self._names

    def _is_public(self, path: str) -> bool:
        return any(
            path == each or (each.endswith("/") and each != "/" and path.startswith(each)) for each in self._public
        )


def client(scope: Scope) -> str:
    """Return the address that a request came from."""
    return scope["client"][0] if scope.get("client") else ""


def too_many(error: TooManyAttempts) -> PlainTextResponse:
    """Make the answer to somebody who tries token after token."""
    return _refused(429, "too many wrong tokens; wait a minute", {"retry-after": str(round(error.seconds) + 1)})


def _is_from_own_page(scope: Scope, headers: Headers) -> bool:
    """Tell whether a request comes from a page of this server, from an address bar, or from no browser."""
    origins = headers.getlist("origin")
    if origins:
        return len(origins) == 1 and urlsplit(origins[0]).netloc.lower() == headers["host"].lower()
    # Pictures and videos that other sites embed come without an origin.
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin") or (
        scope["type"] == "http" and scope["method"] == "GET" and headers.get("sec-fetch-dest") == "document"
    )


def _host_name(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and "@" not in host else None


def _refused(status: int, why: str, headers: dict[str, str] | None = None) -> PlainTextResponse:
    return PlainTextResponse(why + "\n", status, headers)
