"""Functions that are called when something happens."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable

from .event_types import Event, FaceEvent, StateEvent

_log = logging.getLogger(__name__)


class Callbacks:
    """Has a function to call for each kind of event; set what you want to hear of.

    They are called in the thread that runs the pipeline, one after another. An exception in one is logged
    and ends nothing. While one takes its time a camera goes on, and the frames in between are dropped and counted.

    Attributes:
        when_appeared: Called when a face was seen in a few frames.
        when_left: Called when a face is out of sight.
        when_changed: Called when a face has another label.
        when_held: Called when a face kept a label for as long as `EventRules.held` says.
        when_state: Called when the pipeline's state changes, as where the camera is lost.
    """

    when_appeared: Callable[[FaceEvent], object] | None = None
    when_left: Callable[[FaceEvent], object] | None = None
    when_changed: Callable[[FaceEvent], object] | None = None
    when_held: Callable[[FaceEvent], object] | None = None
    when_state: Callable[[StateEvent], object] | None = None

    def announce(self, events: Iterable[Event]) -> None:
        """Call the function of each event."""
        for event in events:
            function: Callable[..., object] | None = getattr(self, f"when_{event.kind}")
            if function is None:
                continue
            try:
                result = function(event)
            except Exception:
                _log.exception("when_%s raised an exception; the pipeline goes on", event.kind)
                continue
            if inspect.iscoroutine(result):
                result.close()
                _log.error(
                    "when_%s is a coroutine function, which nobody awaits here; use 'async for event in "
                    "pipeline.events()', or set a plain function",
                    event.kind,
                )
