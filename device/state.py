"""How a source, and the pipeline that reads it, is doing."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from ..errors import check_range

StateName = Literal["opening", "running", "stalled", "reopening", "ended", "failed"]
"""opening: no frame came yet. running: frames come. stalled: none came for a second or more, and more are waited
for. reopening: the source was lost, and is opened again. ended: it has no more frames. failed: it was lost for good.
"""


@dataclass(frozen=True)
class OutputState:
    """How an output is doing that writes or sends in a thread of its own.

    Attributes:
        name: What it writes to.
        dropped: Results and events that could not be written or sent, so far.
        problem: What is wrong now, in words; empty if nothing is.
    """

    name: str
    dropped: int = 0
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds."""
        return asdict(self)


@dataclass(frozen=True)
class RateLimit:
    """Why fewer frames are looked at than could be.

    Attributes:
        rate: Frames a second at most, 0.1 to 1000.
        reason: Why, in words.

    Raises:
        UsageError: `rate` lies outside its range.
    """

    rate: float
    reason: str

    def __post_init__(self) -> None:
        check_rate("RateLimit.rate", self.rate)

    def __str__(self) -> str:
        return f"at most {self.rate:.1f} frames a second: {self.reason}"

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds."""
        return {"rate": round(self.rate, 1), "reason": self.reason}


@dataclass(frozen=True)
class State:
    """How a source, and the pipeline that reads it, is doing.

    Attributes:
        name: See `StateName`.
        since: `time.monotonic()` when this state began.
        reason: What went wrong last, in words; empty while nothing did.
        attempt: While opening or reopening: the number of the attempt, from 1; 0 where none failed yet.
        next_try: Seconds until the next attempt; None while none is waited for.
        frames: Frames looked at so far.
        rate: Frames looked at in a second, lately; 0 while none come.
        dropped: Frames of a live source that were skipped, so far.
        damaged: Frames that did not decode, so far.
        reopened: How often the source was opened again, so far.
        limit: What limits the rate now, as heat does; None if nothing does. `max_rate` of a pipeline is not meant.
        outputs: How the outputs of `Pipeline.run` are doing, as far as they have a thread of their own.
    """

    name: StateName
    reason: str = ""
    attempt: int = 0
    next_try: float | None = None
    since: float = 0.0
    frames: int = 0
    rate: float = 0.0
    dropped: int = 0
    damaged: int = 0
    reopened: int = 0
    limit: RateLimit | None = None
    outputs: tuple[OutputState, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what a JSON line holds; `since` is left out, as it means nothing to other programs."""
        return {
            "state": self.name,
            "reason": self.reason,
            "attempt": self.attempt,
            "next_try": None if self.next_try is None else round(self.next_try, 1),
            "frames": self.frames,
            "rate": round(self.rate, 1),
            "dropped": self.dropped,
            "damaged": self.damaged,
            "reopened": self.reopened,
            "limit": self.limit and self.limit.to_json(),
            "outputs": [each.to_json() for each in self.outputs],
        }


class Stateful(Protocol):
    """Has a state, as a pipeline does."""

    @property
    def state(self) -> State:
        """The state now; may be read from any thread."""
        ...


def check_rate(name: str, rate: float) -> None:
    """Check how many frames a second may be looked at.

    Raises:
        UsageError: It is no number from 0.1 to 1000.
    """
    check_range(name, rate, 0.1, 1000, "frames a second")
