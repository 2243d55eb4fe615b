"""Where results go: JSON lines, annotated video, annotated pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import TracebackType
from typing import Any, Literal, Protocol

from ...errors import FerliteError, OutputError
from ..closing import Closing
from ..event_types import Event
from ..state import OutputState
from ..types import FrameResult

Part = Literal["results", "pixels", "events"]
"""A part of what outputs are handed: results without their frame's pixels, these pixels, events."""


class Output(Closing, Protocol):
    """Takes results one after another.

    Attributes:
        name: What it writes to, for messages.
        done: Nobody reads any more: the run may end, quietly. An output that was closed is not done.
        backlog: How much may wait for it in a thread of its own while a live source is run; 0 if it is so quick that
            the pipeline can wait for it.
        reads: What it looks at, of what is handed to it.
    """

    name: str = ""
    done: bool = False
    backlog: int = 0
    reads: frozenset[Part] = frozenset({"results", "pixels", "events"})

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

    @property
    def states(self) -> tuple[OutputState, ...]:
        """How it is doing, if it has a thread of its own; of several outputs, each."""
        return ()

    def close(self) -> None:
        """Finish; may be called again. An output that holds nothing open leaves it as it is."""
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What went wrong first has a reason for the others.
        with suppress(OutputError) if isinstance(error, FerliteError) else nullcontext():
            self.close()


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

    @property
    def states(self) -> tuple[OutputState, ...]:
        """How each of them is doing that has a thread of its own."""
        return tuple(state for output in self._outputs for state in output.states)


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
