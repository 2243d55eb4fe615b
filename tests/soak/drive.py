"""Months, compressed: run ferlite with everything on, and let one thing after another go wrong.

    python tests/soak/drive.py --minutes 180

A program on a drawn camera is run as a service would run it: live page with a viewer, MQTT to a real broker, JSON
lines, events, CSV, counts, and video on a small disk with a limit for the files. Every kind of fault in `faults.py`
comes once in each round, in an order and for a time drawn from the seed. A fault is survived when frames come again,
every output works again and the page answers, without anybody's help.

At the end it prints a table, and writes all figures as JSON and, where matplotlib is, a plot beside it. What the
program holds at the end is compared to what it held after the first round.

It needs root and Debian's mosquitto: the disk is mounted in a namespace of its own.

Exit code 0: all was survived and nothing leaked; 1: something was not; 77: skipped, because something is not at hand
here. With `--no-skip`, or CI=true in the environment, a skip is a failure.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from threading import Event, Thread

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "aarch64"))

from camera import SIZE  # noqa: E402
from failures import CheckError, UnavailableError, exit_code  # noqa: E402  (lies beside the emulation that it was made for)
from faults import HANGING_DISK, KINDS, STOPPED, Fault, plan  # noqa: E402
from report import Outcome, Report, frames_lost  # noqa: E402
from rig import Rig, Sample  # noqa: E402
from subject import TOTAL  # noqa: E402
from watchers import wait_for  # noqa: E402
from whole import broken_files  # noqa: E402

OUT = HERE.parents[1] / "build" / "soak" / "soak.json"
_INSIDE = "FERLITE_SOAK_INSIDE"


@dataclass(frozen=True)
class Times:
    """How long things take, in seconds.

    Attributes:
        fault: Least and most for which a fault lasts.
        stopped: For which the program is stopped.
        pause: Least and most between two faults.
        stall: Without a frame, until the camera is opened again.
        patience: In which a fault must be got over.
        warm_up: Before the first fault.
        calm: In which what the program holds is measured.
        hurry: How many times shorter than a user's the program's pauses are.
        sample: Between two samples.
    """

    fault: tuple[float, float]
    stopped: float
    pause: tuple[float, float]
    stall: float
    patience: float
    warm_up: float
    calm: float
    hurry: float
    sample: float


LONG = Times((3, 20), 30, (5, 15), 5, 180, 60, 10, 1, 2)
BRISK = Times((0.3, 0.8), 2, (0, 0.2), 0.5, 30, 1, 1, 10, 0.25)


def main() -> int:
    """Run everything and return the exit code."""
    options = _parser().parse_args()
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return exit_code(lambda: _run(options), no_skip=options.no_skip)


def _run(options: argparse.Namespace) -> int:
    if os.environ.get(_INSIDE) != "1":
        _enter_namespace()
    report = soak(options, BRISK if options.brisk else LONG)
    report.write(options.out)
    print(f"\n{report.table()}\n\n{report.summary()}\n\n{options.out}")
    for problem in report.problems:
        print(f"failed: {problem}")
    return 1 if report.problems else 0


def soak(options: argparse.Namespace, times: Times) -> Report:
    """Run rounds of faults until the time is over, and return what came of it."""
    with tempfile.TemporaryDirectory(prefix="ferlite-soak-") as folder:
        work = Path(folder)
        with Rig(work, rate=options.rate, seed=options.seed, stall=times.stall, hurry=times.hurry) as rig:
            report = Report(seed=options.seed, brisk=options.brisk, rate=options.rate)
            try:
                with _sampled(rig, report, times.sample):
                    _suffer_all(rig, report, options, times)
                if code := rig.stop():
                    raise CheckError(f"it ended with exit code {code}\n{rig.log()}")
                report.problems += broken_files(rig.disk, TOTAL)
            except KeyboardInterrupt:
                report.problems.append("it was interrupted")
            except (CheckError, OSError, subprocess.SubprocessError) as error:
                # What was found so far is not to be lost.
                report.problems.append(f"{type(error).__name__}: {error}")
            options.out.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(work / "log", options.out.with_suffix(".log"))
    report.judge()
    return report


def suffer(rig: Rig, fault: Fault, times: Times) -> Outcome:
    """Let something go wrong, and wait until all is well again.

    Raises:
        CheckError: The program ended.
    """
    time.sleep(fault.pause)
    begin, before = rig.now, rig.status
    with KINDS[fault.kind](rig, random.Random(fault.seed)):
        time.sleep(times.stopped if fault.kind == STOPPED else fault.seconds)
    mark, frames_after = rig.mark(), None
    last = troubles = rig.troubles_since(mark)
    while troubles and rig.now - mark.at < times.patience:
        time.sleep(0.05)
        if frames_after is None and rig.runs_since(mark):
            frames_after = rig.now - mark.at
        last, troubles = troubles, rig.troubles_since(mark)
    end = rig.now
    return Outcome(
        kind=fault.kind,
        begin=begin,
        lifted=mark.at,
        end=end,
        frames_after=frames_after,
        troubles=troubles,
        last=troubles or last,
        lost=frames_lost(before, rig.status, rig.rate * (end - begin)),
    )


def _suffer_all(rig: Rig, report: Report, options: argparse.Namespace, times: Times) -> None:
    time.sleep(times.warm_up)
    rig.ask("/")
    kinds = [kind for kind in KINDS if rig.freezes or kind != HANGING_DISK]
    if not rig.freezes:
        report.skipped[HANGING_DISK] = "no loop device here"
    report.held.append(_calm(rig, times))
    end = time.monotonic() + 60 * options.minutes
    rounds = plan(options.seed, kinds=kinds, seconds=times.fault, pause=times.pause)
    for faults in islice(rounds, options.rounds):
        for fault in faults:
            report.outcomes.append(suffer(rig, fault, times))
            print(report.outcomes[-1], flush=True)
            if time.monotonic() > end:
                break
        report.held.append(_calm(rig, times))
        if time.monotonic() > end:
            break


def _calm(rig: Rig, times: Times) -> Sample:
    """Return what the program holds in peace, with frames of the first size: what comes and goes is left out."""
    rig.tell(gone=True, size=SIZE)
    wait_for(lambda: rig.status["state"] != "running", times.patience)
    rig.tell(gone=False)
    mark, samples = rig.mark(), []
    if not wait_for(lambda: not rig.troubles_since(mark), times.patience):
        raise CheckError("; ".join(rig.troubles_since(mark)))
    for _ in range(10):
        time.sleep(times.calm / 10)
        samples.append(rig.sample())
    return replace(
        samples[-1],
        resident=median(sample.resident for sample in samples),
        descriptors=min(sample.descriptors for sample in samples),
        threads=min((sample.threads for sample in samples), key=lambda threads: sum(threads.values())),
    )


@contextmanager
def _sampled(rig: Rig, report: Report, pause: float) -> Iterator[None]:
    over = Event()

    def watch() -> None:
        with suppress(OSError):  # the program ended
            while not over.wait(pause):
                report.samples.append(rig.sample())

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _enter_namespace() -> None:
    """Start this anew where it may mount without anybody else seeing it."""
    for program in ("unshare", "mosquitto"):
        if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            raise UnavailableError(f"needs the program {program}")
    if os.geteuid() or subprocess.call(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL):
        raise UnavailableError("needs a mount namespace: run as root")
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])  # noqa: S606


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=180, help="end after the fault in which they are over")
    parser.add_argument("--rounds", type=int, help="end after so many rounds")
    parser.add_argument("--brisk", action="store_true", help="short faults and short pauses: a round in 40 seconds")
    parser.add_argument("--seed", type=int, default=1, help="of order, times and what is drawn in a fault")
    parser.add_argument("--rate", type=float, default=30, help="frames a second of the camera")
    parser.add_argument("--out", type=Path, default=OUT, help="JSON file; log and plot come beside it")
    parser.add_argument("--no-skip", action="store_true", help="fail where something is not at hand")
    return parser


if __name__ == "__main__":
    sys.exit(main())
