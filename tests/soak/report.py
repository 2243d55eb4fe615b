"""What came of a run: a table, figures as JSON, a plot, and whether that is good enough."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rig import Sample

_MB_BRISK = 80.0  # more than everything takes that is allocated when it is used first
_MB_FOR_100_000 = 5.0


@dataclass(frozen=True)
class Outcome:
    """What came of one fault, in seconds since the start of the program.

    Attributes:
        kind: What happened.
        begin: When it began.
        lifted: When it was over.
        end: When all was well again.
        frames_after: Seconds after it was over in which frames came again.
        troubles: What did not work when patience was over; nothing where the fault was survived.
        last: What was the last that did not work.
        lost: Frames between begin and end, see `frames_lost`.
    """

    kind: str
    begin: float
    lifted: float
    end: float
    frames_after: float | None
    troubles: list[str]
    last: list[str]
    lost: dict[str, int]

    def __str__(self) -> str:
        if self.troubles:
            return f"{self.begin:8.1f} s  {self.kind}: not survived: {'; '.join(self.troubles)}"
        after = self.end - self.lifted
        return f"{self.begin:8.1f} s  {self.kind}: all well after {after:.1f} s; last: {'; '.join(self.last)}"


def frames_lost(before: Mapping[str, Any], after: Mapping[str, Any], due: float) -> dict[str, int]:
    """Return what became of the frames that a camera would have given between two reports.

    Args:
        before: What the program said of itself.
        after: What it said later.
        due: Frames that the camera would have given.

    Returns:
        `seen`: looked at. `dropped`: given, and skipped for a newer one. `damaged`: did not decode. `missing`: never
        given. `unwritten`: results and events that an output dropped.
    """
    given, damaged = (after[name] - before[name] for name in ("given", "damaged"))
    return {
        "seen": after["frames"] - before["frames"],
        "dropped": after["dropped"] - before["dropped"],
        "damaged": damaged,
        "missing": max(0, round(due) - given - damaged),
        "unwritten": _dropped(after) - _dropped(before),
    }


@dataclass
class Report:
    """Gathers what happens.

    Attributes:
        seed: Of the run.
        brisk: Faults and pauses were short.
        rate: Frames a second of the camera.
        outcomes: Of all faults.
        held: What the program held in peace: before the first round, and after each.
        samples: What it held all the time.
        skipped: Why a kind was left out.
        problems: What was not good enough.
    """

    seed: int
    brisk: bool
    rate: float
    outcomes: list[Outcome] = field(default_factory=list)
    held: list[Sample] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def judge(self) -> None:
        """Note what was not survived, and what leaked."""
        self.problems += [str(each) for each in self.outcomes if each.troubles]
        if len(self.held) < 2:
            return
        first, last = self._first, self.held[-1]
        frames = last.frames - first.frames
        most = _MB_BRISK if self.brisk else _MB_FOR_100_000 * max(1.0, frames / 100_000)
        if last.resident - first.resident > most:
            self.problems.append(f"memory grew by {last.resident - first.resident:.1f} MB in {frames:,} frames")
        if last.descriptors != first.descriptors:
            self.problems.append(f"descriptors: {first.descriptors} at first, {last.descriptors} at last")
        for one, other, what in ((first, last, "ended"), (last, first, "were begun, and did not end")):
            if threads := sorted(Counter(one.threads) - Counter(other.threads)):
                self.problems.append(f"threads that {what}: {', '.join(threads)}")

    def table(self) -> str:
        """Return a line for each kind, as Markdown."""
        lines = [
            "| fault | times | survived | frames again, s: median, worst | all well, s: median, worst "
            "| dropped | damaged | missing | unwritten |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        ]
        for kind in sorted({each.kind for each in self.outcomes}):
            each = [outcome for outcome in self.outcomes if outcome.kind == kind]
            survived = [outcome for outcome in each if not outcome.troubles]
            frames = _times([outcome.frames_after for outcome in survived if outcome.frames_after is not None])
            well = _times([outcome.end - outcome.lifted for outcome in survived])
            lost = [sum(outcome.lost[why] for outcome in each) for why in _LOST]
            cells = [kind, len(each), len(survived), frames, well, *lost]
            lines.append(f"| {' | '.join(map(str, cells))} |")
        lines += [f"| {kind} | 0 | skipped: {why} | | | | | | |" for kind, why in self.skipped.items()]
        return "\n".join(lines)

    def summary(self) -> str:
        """Return what the program held at first and at last."""
        if not self.held:
            return "it never ran in peace"
        first, last = self._first, self.held[-1]
        threads = [sum(each.threads.values()) for each in (first, last)]
        kinds = len({each.kind for each in self.outcomes})
        survived = sum(not each.troubles for each in self.outcomes)
        since = "at first" if first is self.held[0] else "after the first round"
        return (
            f"{survived} of {len(self.outcomes)} faults of {kinds} kinds survived in {last.at / 60:.0f} minutes with "
            f"{last.frames:,} frames; {since} and at the end, {last.frames - first.frames:,} frames later: "
            f"{first.resident:.1f} and {last.resident:.1f} MB, {first.descriptors} and {last.descriptors} descriptors, "
            f"{threads[0]} and {threads[1]} threads"
        )

    def write(self, path: Path) -> None:
        """Write all figures as JSON, and a plot beside it where matplotlib is installed."""
        machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        path.write_text(json.dumps({"machine": machine, "summary": self.summary(), **asdict(self)}, indent=1) + "\n")
        try:
            import matplotlib.pyplot as plt
            from matplotlib.patches import Patch
        except ImportError:
            return
        figure, axes = plt.subplots(4, 1, sharex=True, figsize=(14, 10), height_ratios=(2, 1, 1, 2))
        minutes = [sample.at / 60 for sample in self.samples]
        rates = [
            (now.frames - before.frames) / max(now.at - before.at, 0.01)
            for before, now in zip(self.samples[:-10], self.samples[10:], strict=True)
        ]
        axes[0].plot(minutes, [sample.resident for sample in self.samples])
        axes[1].plot(minutes, [sample.descriptors for sample in self.samples])
        axes[2].plot(minutes, [sum(sample.threads.values()) for sample in self.samples])
        axes[3].plot(minutes[10:], rates)
        names = ("resident memory (MB)", "descriptors", "threads", "frames a second")
        kinds = sorted({each.kind for each in self.outcomes})
        colours = plt.get_cmap("tab20")
        for axis, name in zip(axes, names, strict=True):
            axis.set_ylabel(name)
            for outcome in self.outcomes:
                colour = colours(kinds.index(outcome.kind) % 20)
                axis.axvspan(outcome.begin / 60, outcome.lifted / 60, color=colour, alpha=0.3, lw=0)
        axes[3].set_xlabel("minutes")
        marks = [Patch(color=colours(n % 20), alpha=0.3) for n in range(len(kinds))]
        figure.legend(marks, kinds, loc="lower center", ncols=5, fontsize="small")
        figure.subplots_adjust(left=0.06, right=0.99, top=0.98, bottom=0.17)
        figure.savefig(path.with_suffix(".png"), dpi=110)
        plt.close(figure)

    @property
    def _first(self) -> Sample:
        # What is needed for the first time in a fault belongs to the start.
        return self.held[1 if len(self.held) > 2 else 0]


_LOST = ("dropped", "damaged", "missing", "unwritten")


def _dropped(report: Mapping[str, Any]) -> int:
    return sum(each["dropped"] for each in report["outputs"])


def _times(seconds: list[float]) -> str:
    return f"{median(seconds):.1f}, {max(seconds):.1f}" if seconds else ""
