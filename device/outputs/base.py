"""Where results go: JSON lines, annotated video, annotated pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from ...errors import OutputError
from ..closing import Closing
from ..event_types import Event
from ..types import FrameResult


class Output(Closing, Protocol):
    """Takes results one after another.

    Attributes:
        done: Nobody reads any more: the run may end, quietly. An output that was closed is not done.
    """

    done: bool = False

    def write(self, result: FrameResult) -> None:
        """Take a result.

        Raises:
            OutputError: It can't be written, or was closed; what was written before is kept.
        """
        ...

    def event(self, event: Event) -> None:
        """Take an event; an output of results alone leaves it.

        Raises:
            OutputError: As for `write`.
        """
        pass

    def take(self, what: FrameResult | Event) -> None:
        """Take a result with its events, or an event that came between two."""
        if isinstance(what, FrameResult):
            self.write(what)
        for event in what.events if isinstance(what, FrameResult) else (what,):
            self.event(event)

    def close(self) -> None:
        """Finish; may be called again. An output that holds nothing open leaves it as it is."""
        pass


class Together(Output):
    """Several outputs as one, which is done when one of them is.

    Args:
        outputs: Where each result goes, in this order; `close` leaves them open.
    """

    def __init__(self, *outputs: Output) -> None:
        self._outputs = outputs

    def write(self, result: FrameResult) -> None:
        """Write a result, with its events, to every output; see `take`."""
        self.take(result)

    def take(self, what: FrameResult | Event) -> None:
        """Hand a result with its events, or an event, to every output.

        Raises:
            OutputError: One of them can't be written; those before it have it.
        """
        for output in self._outputs:
            output.take(what)
        self.done = any(output.done for output in self._outputs)


def closed(name: Any) -> OutputError:
    """Make the error for a result that comes after `close`."""
    return OutputError(f"{name}: this output is closed; write before close(), or open a new one")


@contextmanager
def explained(name: Any) -> Iterator[None]:
    """Make an OutputError of what the system says; a pipe without a reader is left as it is."""
    try:
        yield
    except (OutputError, BrokenPipeError):
        raise
    except OSError as error:
        raise OutputError(f"can't write {name}: {error.strerror or error}; check free space and permissions") from error
