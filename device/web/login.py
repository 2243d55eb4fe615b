"""Who may see the page: whoever knows the token, or has a cookie that was given for it."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from ...errors import DataError
from ...models.files import read_bytes

FORM = "12 to 200 letters, digits and signs without spaces"
"""What a token is, in words."""

_DAYS = 30
_ATTEMPTS, _SPAN = 5, 60.0  # wrong tokens from one address, in seconds
_ADDRESSES = 1000  # that are remembered


class TooManyAttempts(Exception):  # noqa: N818
    """Wrong tokens came from an address again and again.

    Attributes:
        seconds: How long it has to wait.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Login:
    """Checks tokens and cookies.

    A cookie is a date and its HMAC under the token: it does not hold the token, is good for 30 days, also after a
    restart, and no longer once the token is another.

    Args:
        token: The secret; None lets everybody in.
        clock: Gives the seconds since the epoch.
    """

    def __init__(self, token: str | None, clock: Callable[[], float] = time.time) -> None:
        self._token, self._clock = token, clock
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    @property
    def needed(self) -> bool:
        """Whether anybody has to log in."""
        return self._token is not None

    @property
    def lasts(self) -> int:
        """Seconds that a cookie is good for."""
        return _DAYS * 86400

    def cookie(self) -> str:
        """Return what a cookie holds for somebody who knows the token."""
        return self._signed(int(self._clock()) + self.lasts)

    def knows(self, cookie: str) -> bool:
        """Tell whether a cookie was given here and is still good."""
        end = cookie.partition("-")[0]
        if not re.fullmatch(r"[0-9]{1,12}", end, re.ASCII) or int(end) < self._clock():
            return False
        return _same(cookie, self._signed(int(end)))

    def right(self, token: str, address: str) -> bool:
        """Tell whether a token is the right one.

        Args:
            token: What somebody claims it to be.
            address: Where it came from.

        Raises:
            TooManyAttempts: Five wrong ones came from there within a minute; this one is not looked at.
        """
        if self._token is None:
            return True
        address, now = _network(address), self._clock()
        wrong = [moment for moment in self._wrong.pop(address, []) if 0 <= now - moment < _SPAN]
        if len(wrong) < _ATTEMPTS and _same(token, self._token):
            return True
        if len(wrong) < _ATTEMPTS:
            wrong.append(now)
            refused = None
        else:
            refused = TooManyAttempts(wrong[0] + _SPAN - now)
        self._wrong[address] = wrong
        while len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)
        if refused:
            raise refused
        return False

    def contains_token(self, text: str) -> bool:
        """Tell whether a text, for instance an address, holds the token."""
        return self._token is not None and self._token in text

    def _signed(self, end: int) -> str:
        key = (self._token or "").encode()
        return f"{end}-{hmac.new(key, b'ferlite live page %d' % end, hashlib.sha256).hexdigest()}"


def read_token(path: str | Path) -> str:
    """Read a token from a file, for instance a systemd credential.

    Raises:
        DataError: It is too short or no token.
        MissingFileError: There is no such file, or it can't be read.
    """
    token = read_bytes(path).decode(errors="replace").strip()
    if not is_token(token):
        raise DataError(f"{path} holds no token; it must be {FORM}")
    return token


def is_token(text: str) -> bool:
    """Tell whether a text is long enough for a token, and fits in a header."""
    return re.fullmatch(r"[!-~]{12,200}", text, re.ASCII) is not None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def _network(address: str) -> str:
    """Return what stands for one client: an IPv4 address, or the 64 bits that one IPv6 customer gets."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
