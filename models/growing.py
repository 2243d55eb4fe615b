"""Files that grow while a program runs: lines of a log, fragments of a video."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path
from threading import Lock, Timer
from typing import BinaryIO

from ..errors import OutputError
from .files import make_folder, sync

_log = logging.getLogger(__name__)

_SYNC_AFTER = 1.0
"""Seconds after which what was appended is brought to the disk."""


class GrowingFile:
    """A file that one program at a time appends to, piece by piece, each whole or not at all.

    A piece is handed to the system at once, so it survives the end of this process. A second later a
    thread brings it to the disk, where it survives a power cut: a memory card may take seconds for that,
    and `append` does not wait for it.

    A pipe or a device is neither locked nor cut nor looked for again.

    Args:
        file: A path: the file is made where it is missing, and its content kept. Or an open descriptor,
            which stays open.
        every_piece: Bring each piece to the disk before `append` returns.

    Attributes:
        path: The path, absolute; None of a descriptor.

    Raises:
        OutputError: It is being written already, by this or another program.
        OSError: It can't be opened.
    """

    def __init__(self, file: str | Path | int, *, every_piece: bool = False) -> None:
        self.path = None if isinstance(file, int) else Path(file).absolute()
        self._every_piece = every_piece
        self._lock = Lock()
        self._timer: Timer | None = None
        self._unsynced = self._closing = False
        self._failure: OSError | None = None
        new = False
        if self.path is None:
            self._file = FileIO(file, "w", closefd=False)
        else:
            make_folder(self.path.parent)
            new = not self.path.exists()
            self._file = FileIO(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666), "w")
        self._regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        if self.path is not None and self._regular:
            try:
                claim(self._file.fileno(), self.path)
                if new:
                    sync(self.path.parent)
            except BaseException:
                self._file.close()
                raise

    @property
    def moved(self) -> bool:
        """Whether the file was closed, removed or renamed: its name leads to another file by now, or to none."""
        if self.path is None or not self._regular:
            return False
        if self._file.closed:
            return True
        here = os.fstat(self._file.fileno())
        try:
            there = self.path.stat()
        except OSError:
            return True
        # Some network file systems give a file another number after a while.
        alike = (here.st_size, here.st_mtime_ns) == (there.st_size, there.st_mtime_ns)
        return not alike and not os.path.samestat(here, there)

    def append(self, data: bytes) -> None:
        """Append all of `data` or, where the file can be cut, nothing.

        Raises:
            OSError: The disk is full or gone, perhaps since a former call: then what that appended may be lost.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        end = self._file.seek(0, os.SEEK_END) if self._regular else 0
        rest = memoryview(data)
        try:
            while rest:
                written = self._file.write(rest)
                if written is None:  # a pipe that is full and does not wait
                    select.select((), (self._file,), ())
                rest = rest[written or 0 :]
        except BaseException:  # Ctrl-C included
            with suppress(OSError):
                self.cut(end)
            raise
        if self._regular and self._every_piece:
            os.fsync(self._file.fileno())
        elif self._regular:
            self._sync_later()

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes; a pipe or device stays as it is."""
        if self._regular:
            os.ftruncate(self._file.fileno(), size)

    def overwrite(self, position: int, data: bytes) -> None:
        """Write over what is there; a pipe or device stays as it is."""
        if self._regular:
            os.pwrite(self._file.fileno(), data, position)

    def close(self) -> None:
        """Wait until all is on the disk, and close the file; more calls do nothing."""
        if self._file.closed:
            return
        with self._lock:
            self._closing, timer = True, self._timer
        try:
            if timer is not None:
                timer.cancel()
                timer.join()  # it may be at work
            if self._failure is not None:
                raise self._failure
            if self._regular:
                os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def _sync_later(self) -> None:
        with self._lock:
            self._unsynced = True
            # Started by need rather than kept: a file that nobody closes leaves no thread behind.
            if self._timer is None and not self._closing:
                self._timer = Timer(_SYNC_AFTER, self._sync)
                self._timer.daemon = True
                self._timer.start()

    def _sync(self) -> None:
        self._unsynced = False
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._failure = error
        with self._lock:
            self._timer = None
        if self._unsynced:
            self._sync_later()


def claim(descriptor: int, path: Path) -> None:
    """Keep other programs that ask from writing a file or a folder, until its descriptor is closed.

    Raises:
        OutputError: It is claimed already.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(f"{path} is being written already, by this or another program") from None
    except OSError:
        _log.info("%s: this file system has no locks; let no other program write there", path)


class Lines:
    """Lines in a file that grows over months and many runs, each line whole.

    A line that a former run left unfinished is cut off. When the file was removed or renamed, as
    `logrotate` does, the next line begins a new one under the old name. After a line that could not be written
    the next one is tried.

    Args:
        file: As `GrowingFile` takes it.
        begin: What every line begins with; a file that begins otherwise holds something else.
        head: The first line of every file, if there is one; a file that has another holds something else.
        every_line: Bring each line to the disk before `write` returns.

    Raises:
        OutputError: The file holds something else, or is being written already.
        OSError: It can't be opened.
    """

    def __init__(self, file: str | Path | int, *, begin: str = "", head: str = "", every_line: bool = False) -> None:
        self._head = f"{head}\n".encode() if head else b""
        self._begin, self._every_line = self._head or begin.encode(), every_line
        self._file = self._opened(file)

    def write(self, line: str) -> None:
        """Append a line, given without its end.

        Raises:
            OSError: The disk is full or gone; the file holds whole lines.
        """
        if self._file.path is not None and self._file.moved:
            try:
                self._file.close()
            finally:
                self._file = self._opened(self._file.path)
        self._file.append(self._missing + line.encode() + b"\n")
        self._missing = b""

    def close(self) -> None:
        """Wait until all lines are on the disk, and close the file; more calls do nothing."""
        self._file.close()

    def _opened(self, path: str | Path | int) -> GrowingFile:
        file, self._missing = GrowingFile(path, every_piece=self._every_line), self._head
        try:
            if file.path is not None and file.path.is_file():
                self._cut_back(file, file.path)
            if self._missing:
                with suppress(OSError):  # a full disk: the head goes with the first line
                    file.append(self._missing)
                    self._missing = b""
        except BaseException:
            file.close()
            raise
        return file

    def _cut_back(self, file: GrowingFile, path: Path) -> None:
        with path.open("rb") as content:
            begin = content.read(len(self._begin))
            # After a power cut some file systems leave zeros.
            if not begin.startswith(b"\0") and not self._begin.startswith(begin):
                what = "has another first line than" if self._head else "holds no lines that begin with"
                raise OutputError(f"{path} {what} {self._begin.decode().strip()}; name another file")
            end, size = _end_of_last_line(content), content.seek(0, os.SEEK_END)
        if end < size:
            file.cut(end)
            _log.warning("%s: cut off an unfinished line of %d bytes", path, size - end)
        if end:
            self._missing = b""


def _end_of_last_line(file: BinaryIO) -> int:
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 65536)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
