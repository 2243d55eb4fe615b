"""Ends a run whose memory grows beyond a limit, so that it is started again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from ...errors import UsageError, check_range
from ..sensors import resident_mb

EXIT_CODE = os.EX_TEMPFAIL
"""Of a run that ended for its memory: 75, a failure after which it is worth while to try again (sysexits.h)."""

PAUSE = 10.0
"""Seconds between two looks at the memory."""

_log = logging.getLogger(__name__)


class MemoryGuard:
    """Asks for the end of a run that holds more memory than allowed.

    Args:
        most: MB (10^6 bytes) that the process may hold (resident set).
        stop: Ends the run, with all its outputs whole; may be called from any thread.
        resident: Tells what the process holds.

    Attributes:
        exceeded: The limit was exceeded and the end was asked for.

    Raises:
        UsageError: `most` is not above 0, or is less than is held already.
    """

    def __init__(
        self, most: float, stop: Callable[[], object], *, resident: Callable[[], float | None] = resident_mb
    ) -> None:
        check_range("max_memory", most, 1, unit="MB")
        held = resident() or 0.0
        if held > most:
            # It would be started, ended and started again for ever.
            raise UsageError(f"max_memory is {most:g} MB, but {held:.0f} are held before the first frame; allow more")
        self.exceeded = False
        self._most, self._stop, self._resident = most, stop, resident

    def look(self) -> None:
        """Ask for the end if the limit is exceeded; once."""
        held = self._resident()
        if self.exceeded or held is None or held <= self._most:
            return
        self.exceeded = True
        _log.warning("%.0f MB of memory are held, %g are allowed: the run ends to be started again", held, self._most)
        self._stop()
