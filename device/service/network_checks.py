"""Checks of what a service talks to: the broker, the port of its page, systemd."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from .finding import Finding

_PATIENCE = 5.0  # seconds


def broker(host: str, port: int) -> Finding:
    """Check that somebody listens where the broker should be."""
    place = f"{host}:{port}"
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except OSError as error:
        remedy = "is the broker running, and the address right? Is this device in its network?"
        return Finding("broker", "fail", f"{place}: {error.strerror or error}", remedy)
    return Finding("broker", "ok", f"{place} answers")


def port(host: str, number: int) -> Finding:
    """Check that the live page is there, or that its port is free for it."""
    place = f"{host}:{number}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except PermissionError:
            return Finding("port", "fail", f"{place} is for root alone", "take a port of 1024 or more")
        except OSError as error:
            if _is_page(host, number):
                return Finding("port", "ok", f"the live page is at {place}")
            return Finding("port", "fail", f"{place}: {error.strerror}", "end what uses it, or take another port")
    return Finding("port", "ok", f"{place} is free")


def unit(name: str, *, user: bool = False) -> Finding:
    """Check that the service runs.

    Args:
        name: Name of its unit.
        user: It is a user's own.
    """
    program = shutil.which("systemctl")
    if program is None:
        return Finding("unit", "ok", "no systemd on this machine")
    command = [program, *(["--user"] if user else []), "show", name, "--property=LoadState,ActiveState,NRestarts"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("unit", "warn", f"systemctl: {error}", f"look at it with 'systemctl status {name}'")
    said = dict(line.split("=", 1) for line in asked.stdout.splitlines() if "=" in line)
    if asked.returncode or not said:
        return Finding("unit", "ok", "systemd does not run here")
    if said.get("LoadState") == "not-found":
        return Finding("unit", "ok", f"{name} is not installed")
    restarts = int(said.get("NRestarts", "0") or 0)
    found = f"{name} is {said.get('ActiveState', 'unknown')}, started again {restarts} times"
    if said.get("ActiveState") != "active":
        return Finding("unit", "fail", found, "ferlite service logs")
    return Finding("unit", "warn" if restarts else "ok", found, "ferlite service logs" if restarts else "")


def _is_page(host: str, number: int) -> bool:
    """Tell whether a live page answers, by TLS or without, whether or not it wants a token or has frames."""
    place = f"[{host}]:{number}" if ":" in host else f"{host}:{number}"
    return any(_status(f"{scheme}://{place}/login") in (204, 401) for scheme in ("http", "https"))


def _status(address: str) -> int | None:
    """Return the status of an answer; None without one."""
    # It is on this machine: no proxy, and nothing secret is sent that a certificate would have to protect.
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        with build_opener(ProxyHandler({}), HTTPSHandler(context=anybody)).open(address, timeout=_PATIENCE) as answer:
            return answer.status
    except HTTPError as error:
        return error.code
    except (OSError, HTTPException):
        return None
