"""Looks after a run: what systemd hears of it, heat, memory."""

from __future__ import annotations

import os
from contextlib import ExitStack

from ..closing import Closing
from ..runner import Runner
from . import heat, memory
from .heat import Heat
from .memory import MemoryGuard
from .periodic import Periodic
from .watchdog import Watchdog


class Upkeep(Closing):
    """Looks after a pipeline in threads of their own until it is closed.

        with Upkeep(pipeline, max_memory=500) as upkeep:
            pipeline.run(lines)
        sys.exit(upkeep.exit_code)

    - A service of systemd (NOTIFY_SOCKET is set) says that it is ready and makes progress; see `Watchdog`.
    - A live source is looked at less often while the machine is hot; see `Heat`.
    - A process that holds more than `max_memory` ends the run; see `MemoryGuard`.

    Args:
        pipeline: What is run.
        max_memory: MB (10^6 bytes) that the process may hold; None for no limit.
        max_celsius: Degrees from which on the machine is hot.

    Raises:
        UsageError: A limit lies outside its range, or `max_memory` is less than is held already.
    """

    def __init__(self, pipeline: Runner, *, max_memory: float | None = None, max_celsius: float = heat.HOT) -> None:
        self._memory = MemoryGuard(max_memory, pipeline.close) if max_memory is not None else None
        with ExitStack() as stack:
            if self._memory:
                stack.enter_context(Periodic(self._memory.look, memory.PAUSE, "memory"))
            if pipeline.source.live:
                stack.enter_context(Periodic(Heat(pipeline, hot=max_celsius).look, heat.PAUSE, "heat"))
            if os.environ.get("NOTIFY_SOCKET"):
                watchdog = stack.enter_context(Watchdog(pipeline))
                stack.enter_context(Periodic(watchdog.look, watchdog.pause, "watchdog"))
            self._all = stack.pop_all()

    @property
    def exit_code(self) -> int:
        """0, or 75 where the run ended for its memory and is to be started again."""
        return memory.EXIT_CODE if self._memory and self._memory.exceeded else 0

    def close(self) -> None:
        """Look no more; may be called again. systemd hears that the service ends."""
        self._all.close()
