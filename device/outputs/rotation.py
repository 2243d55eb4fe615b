"""A limit for the files of a run, so that no output ever fills the disk."""

from __future__ import annotations

import logging
import math
import os
import re
import stat
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ...errors import UsageError, check_range

_log = logging.getLogger(__name__)

_MOMENT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, order=True)
class _Finished:
    moment: str
    path: Path
    size: int


class Rotation:
    """Has outputs begin new files in time, and removes the oldest of the finished ones.

        rotation = Rotation(total=200e6)
        with JsonLines("out.jsonl", rotation=rotation) as lines, AnnotatedVideo("out.mp4", rotation=rotation) as video:
            pipeline.run(lines, video)

    The file that is being written keeps its name. Once it is full, or of an earlier span, the time (UTC) is put into
    its name, as in `out-20261121T225501Z.jsonl`, and a new one is begun. Files of former runs that were renamed so
    count too. Nothing but these, and the pictures of the run, is ever removed.

    Args:
        size: Bytes at which a file is full, at the latest with its share of a quarter of `total`; None for no other
            limit.
        age: Seconds of the spans that files are divided by, counted from midnight, local time; None for one span.
        total: Bytes that all files whose outputs share this limit may take on the disk; None for no limit.
        wall: Gives the seconds since the epoch.

    Raises:
        UsageError: A value is below 1.
    """

    def __init__(
        self,
        size: float | None = 100e6,
        age: float | None = 86_400,
        total: float | None = 1e9,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        for name, value, unit in (("size", size, "bytes"), ("age", age, "seconds"), ("total", total, "bytes")):
            if value is not None:
                check_range(name, value, 1, unit=unit)
        self._size, self._age, self._total = size or math.inf, age or math.inf, total or math.inf
        self._wall = wall
        self._lock = Lock()
        self._growing: set[Path] = set()
        self._finished: deque[_Finished] = deque()  # oldest first
        self._bytes = 0  # of these

    def share(self, file: Path) -> None:
        """Let a file that will grow share the limit, with the finished ones that bear its name.

        Raises:
            UsageError: It holds more than three quarters of what all files may have.
            OSError: Its folder can't be read, or a file not be removed.
        """
        path = _real(file)
        size = path.stat().st_size if path.is_file() else 0
        # Growing files take a quarter at most. So a file that was large before is not removed once it is full.
        if size > self._total * 3 / 4:
            raise UsageError(
                f"{file} holds {size:,} bytes already, and all files together may have {self._total:,.0f}; "
                "move it away, or raise the limit"
            )
        with self._lock:
            if path not in self._growing:
                self._growing.add(path)
                self._finished = deque(sorted([*self._finished, *_former(path)]))
                self._bytes = sum(each.size for each in self._finished)
                self._remove_oldest()

    def turn(self, file: Path, *, now: bool = False) -> None:
        """Rename a file that is full or of an earlier span; its output finds it moved, and begins a new one.

        Args:
            file: The file; an empty one is left.
            now: Rename it in any case.

        Raises:
            OSError: It can't be renamed, or an old one not be removed.
        """
        path = _real(file)
        with suppress(FileNotFoundError):  # somebody moved it away, just now
            found = path.stat()
            due = now or found.st_size >= self._full or self._span(found.st_mtime) != self._span(self._wall())
            if stat.S_ISREG(found.st_mode) and found.st_size and due:
                self.add(_set_aside(path, self._wall()))

    def add(self, file: Path) -> None:
        """Take in a finished file, and remove the oldest ones as long as they are too many.

        Raises:
            OSError: One can't be removed.
        """
        finished = _Finished(_moment(self._wall()), file, _taken(file))
        with self._lock:
            self._finished.append(finished)
            self._bytes += finished.size
            self._remove_oldest()

    @property
    def _full(self) -> float:
        """Bytes at which a file is full."""
        return min(self._size, self._total / 4 / max(1, len(self._growing)))

    def _span(self, wall: float) -> float:
        return (wall + time.localtime(wall).tm_gmtoff) // self._age

    def _remove_oldest(self) -> None:
        if math.isinf(self._total):
            return
        # What the growing files may still take is kept free for them.
        room = self._total - len(self._growing) * self._full
        while self._bytes > room and self._finished:
            oldest = self._finished[0]
            oldest.path.unlink(missing_ok=True)
            _log.info("removed %s: with it, all files would have more than %.0f bytes", oldest.path, self._total)
            self._finished.popleft()
            self._bytes -= oldest.size


def _set_aside(path: Path, wall: float) -> Path:
    """Put a time into the name of a file, and return the new name, which no file had before."""
    while True:
        target = path.with_name(f"{path.stem}-{_moment(wall)}{path.suffix}")
        if not os.path.lexists(target):
            return path.rename(target)
        wall += 1


def _former(path: Path) -> list[_Finished]:
    """Return the files beside `path` that were set aside under its name."""
    name = re.compile(rf"{re.escape(path.stem)}-(\d{{8}}T\d{{6}}Z){re.escape(path.suffix)}")
    found = [(name.fullmatch(each.name), each) for each in path.parent.iterdir()] if path.parent.is_dir() else []
    return [_Finished(match[1], each, _taken(each)) for match, each in found if match and each.is_file()]


def _moment(wall: float) -> str:
    return time.strftime(_MOMENT, time.gmtime(wall))


def _taken(file: Path) -> int:
    """Return the bytes that a file takes on its disk: many small ones take much more than they hold."""
    found = file.stat()
    return max(found.st_size, 512 * found.st_blocks)  # POSIX: blocks of 512 bytes, whatever the disk's are


def _real(file: Path) -> Path:
    """Follow links: what is renamed is the file, not the link."""
    return Path(os.path.realpath(file))
