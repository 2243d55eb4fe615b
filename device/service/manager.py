"""Installs, shows and removes the service by systemd's own programs."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from ...errors import MissingFileError, OutputError, ServiceError
from ...models.files import replacing
from ..kept import xdg_home

UNIT = "ferlite.service"

_PATIENCE = 120.0  # seconds that systemctl gets; a stop waits for the end of a run


class Manager:
    """The systemd of the machine, or that of a user.

    Args:
        user: The user's.
        folder: Where units lie; the usual place if None.

    Attributes:
        file: The unit.
    """

    def __init__(self, *, user: bool = False, folder: Path | None = None) -> None:
        self._scope = ["--user"] if user else []
        self.file = (folder or (config_home() / "systemd/user" if user else Path("/etc/systemd/system"))) / UNIT

    def install(self, text: str) -> None:
        """Write the unit, start the service, and start it whenever the machine starts.

        Raises:
            OutputError: The unit can't be written.
            ServiceError: systemd is missing, or refuses.
        """
        _program("systemctl")  # before anything is written
        try:
            with replacing(self.file) as temporary:
                temporary.write_text(text)
                temporary.chmod(0o644)
        except OutputError as error:
            raise OutputError(f"{error}; {self._remedy}") from error
        self._systemctl("daemon-reload")
        self._systemctl("enable", UNIT)
        # Without waiting: it is ready after its first frame, and its camera may be away.
        self._systemctl("restart", "--no-block", UNIT)

    def text(self) -> str:
        """Return the unit that is installed.

        Raises:
            MissingFileError: It is not installed.
        """
        try:
            return self.file.read_text()
        except OSError as error:
            raise MissingFileError(f"{self.file} can't be read: no service is installed here") from error

    def program(self) -> Path:
        """Return the program that the service runs.

        Raises:
            MissingFileError: It is not installed, or its unit names none.
        """
        line = next((line for line in self.text().splitlines() if line.startswith("ExecStart=")), "")
        words = shlex.split(line.removeprefix("ExecStart=").lstrip(":"))
        if not words:
            raise MissingFileError(f"{self.file} names no program; install the service again")
        return Path(words[0].lstrip(":").replace("%%", "%"))

    def invocation(self) -> str:
        """Return the id of the start by which the service is active, as it is from its first frame on; empty if none.

        Raises:
            ServiceError: systemd is missing, or refuses.
        """
        shown = self._systemctl("show", UNIT, "--property=ActiveState,InvocationID")
        values = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        return values.get("InvocationID", "") if values.get("ActiveState") == "active" else ""

    def remove(self) -> None:
        """Stop the service and remove its unit; what it wrote is kept.

        Raises:
            MissingFileError: It is not installed.
            OutputError: The unit can't be removed.
            ServiceError: systemd is missing, or refuses.
        """
        if not self.file.exists():
            raise MissingFileError(f"{self.file} does not exist: no service is installed here")
        self._systemctl("disable", "--now", UNIT)
        try:
            self.file.unlink()
        except OSError as error:
            raise OutputError(f"can't remove {self.file}: {error.strerror}; {self._remedy}") from error
        self._systemctl("daemon-reload")

    def status(self) -> int:
        """Let systemctl print how the service is doing; return its exit code, 0 where it runs.

        Raises:
            ServiceError: systemd is missing.
        """
        return self._show("systemctl", *self._scope, "status", "--no-pager", UNIT)

    def logs(self, lines: int, *, follow: bool) -> int:
        """Let journalctl print what the service said; return its exit code.

        Args:
            lines: How many, the newest.
            follow: Print new ones until Ctrl-C.

        Raises:
            ServiceError: systemd is missing.
        """
        # `--user` finds nothing where the journal is kept in memory, as on Raspberry Pi OS: one file holds all then.
        unit = "--user-unit" if self._scope else "--unit"
        return self._show("journalctl", "--no-pager", unit, UNIT, f"--lines={lines}", *["--follow"] * follow)

    def _show(self, program: str, *arguments: str) -> int:
        return subprocess.run([_program(program), *arguments], check=False).returncode  # noqa: S603

    def _systemctl(self, *arguments: str) -> str:
        command = [_program("systemctl"), *self._scope, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise ServiceError(f"{_shown(command)} did not end within {_PATIENCE:.0f} s") from None
        if done.returncode:
            why = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise ServiceError(f"{_shown(command)} failed: {why}; {self._remedy}")
        return done.stdout

    @property
    def _remedy(self) -> str:
        if self._scope:
            return "log in as that user, not by su or sudo, so that its systemd can be reached"
        return "use sudo, or --user for a service of your own"


def config_home() -> Path:
    """Return the folder of a user's configuration, after the XDG Base Directory Specification."""
    return xdg_home("XDG_CONFIG_HOME", ".config")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ServiceError(f"there is no {name}: this machine is not run by systemd; `ferlite run` does without")
    return found


def _shown(command: list[str]) -> str:
    return " ".join(["systemctl", *command[1:]])
