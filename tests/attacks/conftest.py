"""Running command lines in this process, as their own process would be seen from outside, and judging how they end."""

import faulthandler
import io
import os
import re
import shutil
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferlite.benchmarks import accuracy
from ferlite.cli.app import main
from ferlite.data.load import load_dataset
from ferlite.device.sources.virtual import VirtualCamera
from ferlite.models import modelfile
from ferlite.models.files import write_json
from ferlite.models.labels import FER2013_LABELS

SECONDS = 10.0
"""How long a command may take to refuse what it is given."""

_PRESSES = 5  # of Ctrl-C within that time: Python loses an exception in a callback
_CASES = "attacks"
# What libraries say on their own.
_NOISE = re.compile(r"libpng|Corrupt JPEG|Premature end|OpenCV|TIFF|WARN|INFO|ERROR|\.cpp|\.cc|Exception ignored")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many cases were tried."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind if hasattr(report, "when")]
    ended = [report for report in reports if report.when == "teardown"]
    tried = sum(value for report in ended for name, value in report.user_properties if name == _CASES)
    if tried:
        terminalreporter.write_line(f"{tried:,} hostile command lines tried")


@dataclass(frozen=True)
class Ending:
    """How a command line ended: its exit code and what it printed."""

    code: int
    out: str
    err: str


class TooSlow(BaseException):
    """A command line did not end; a BaseException, which no command catches."""


class Attack:
    """Runs command lines on copies of one folder of files.

    Args:
        template: The folder; each command line begins in a fresh copy.
        root: An empty folder for the copies.
    """

    def __init__(self, template: Path, root: Path) -> None:
        self._template, self._root = template, root
        self.cases = 0

    def __call__(
        self,
        *arguments: str,
        prepare: Callable[[Path], object] = lambda folder: None,
        patience: float | None = None,
        stdout: str = "",
    ) -> Ending:
        """Run a command line and check all that must hold whatever it is given.

        Args:
            arguments: What follows `ferlite`.
            prepare: Called with the folder before.
            patience: Seconds after which Ctrl-C is pressed, for a command that may take long; none if None.
            stdout: File to which standard output goes; what is printed is collected if empty.
        """
        self.cases += 1
        place = self._root / "outside" / "place"
        folder = place / "here"
        shutil.copytree(self._template, folder, symlinks=True)
        try:
            prepare(folder)
            ending = _ended(arguments, folder, patience, stdout)
            found = {*self._root.iterdir(), *place.parent.iterdir(), *place.iterdir()}
            assert found == {place.parent, place, folder}, "it wrote outside of its folder"
        finally:
            shutil.rmtree(self._root / "outside")
        _judge(ending)
        return ending


# A module of ferlite that another test has imported already asks for TensorFlow late, and not where it is looked for.
_OUT_OF_REACH = re.compile(r"error: unexpected ModuleNotFoundError: import of (tensorflow|keras)[\w.]* halted")


def _judge(ending: Ending) -> None:
    lines = ending.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    usage = ending.code == 2 and "Usage: " in ending.err
    assert ending.code in {0, 1, 2, 130}, ending
    assert "Traceback" not in ending.err, ending.err
    assert "error: unexpected" not in _OUT_OF_REACH.sub("", ending.err), ending.err
    # `models verify` and `bench compare` say on stdout what is bad.
    assert len(errors) == 1 or (not errors and (ending.code in {0, 130} or usage or ending.out)), ending
    assert usage or all(len(line) < 1300 for line in lines), ending
    controls = "Cc" if usage else "C"  # typer prints wrong usage in a frame of its own
    raw = {c for c in ending.out + ending.err if c != "\n" and unicodedata.category(c).startswith(controls)}
    assert not raw, f"raw on the terminal: {raw}"
    assert "secret" not in ending.err, ending
    noise = [line for line in lines if _NOISE.search(line) and line not in errors]
    assert not noise, noise


def _ended(arguments: tuple[str, ...], folder: Path, patience: float | None, stdout: str) -> Ending:
    before = Path.cwd(), sys.argv, signal.getsignal(signal.SIGINT)

    presses = iter(range(0 if patience is None else _PRESSES))

    def late(number: int, frame: object) -> None:
        if next(presses, None) is None:
            raise TooSlow
        signal.setitimer(signal.ITIMER_REAL, SECONDS / _PRESSES)
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGALRM, late)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    sys.argv = ["ferlite", *arguments]
    faulthandler.dump_traceback_later(4 * SECONDS, exit=True)
    signal.setitimer(signal.ITIMER_REAL, patience or SECONDS)
    try:
        with _captured(stdout) as printed:
            code: object = 0
            try:
                main()
            except SystemExit as stop:
                code = stop.code or 0
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert isinstance(code, int), code
        return Ending(code, *printed)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        os.chdir(before[0])
        sys.argv = before[1]
        signal.signal(signal.SIGINT, before[2])


@contextmanager
def _captured(stdout: str) -> Iterator[list[str]]:
    """Collect what goes to the descriptors 1 and 2, also from native code."""
    printed: list[str] = []
    saved = os.dup(1), os.dup(2), sys.stdout, sys.stderr
    files = [os.memfd_create(name) for name in ("stdout", "stderr")]
    try:
        for number, file in enumerate(files, 1):
            os.dup2(file, number)
        if stdout:
            file = os.open(stdout, os.O_WRONLY)
            os.dup2(file, 1)
            os.close(file)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(os.fdopen(os.dup(number), "wb"), encoding="utf-8", write_through=True) for number in (1, 2)
        )
        yield printed
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # a full one
                stream.close()
        for file in files:
            os.lseek(file, 0, os.SEEK_SET)
            with os.fdopen(os.dup(file), "rb") as content:
                printed.append(content.read().decode(errors="surrogateescape"))
    finally:
        sys.stdout, sys.stderr = saved[2:]
        for number, file in enumerate(saved[:2], 1):
            os.dup2(file, number)
        for file in (*saved[:2], *files):
            os.close(file)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, graph: bytes, record) -> Path:
    """A folder with one good file of each kind that a command reads."""
    folder = tmp_path_factory.mktemp("template")
    face = " ".join(["7", "200"] * 1152)
    usages = [(usage, label) for usage in ("Training", "PublicTest") for label in range(7)]
    rows = [f"{label},{face},{usage}\n" for usage, label in usages]
    (folder / "faces.csv").write_text("emotion,pixels,Usage\n" + "".join(rows))
    emotions = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    votes = "".join(f"{usage},fer{n:07}.png,4,1,1,1,1,1,1,0,0,0\n" for n, (usage, _) in enumerate(usages))
    (folder / "votes.csv").write_text(f"Usage,Image name,{emotions}\n{votes}")
    (folder / "recipe.toml").write_text('name = "mine"\nnetwork = "small"\nepochs = 1\n')
    (folder / "options.toml").write_text('source = "picture.png"\nframes = 1\n')
    study = 'name = "some"\ndescription = "some"\nrecipe = "quickstart"\n[[variants]]\nname = "a"\n'
    (folder / "study.toml").write_text(study)
    model = modelfile.write(folder / "tiny.tflite", graph, record)
    write_json(folder / "accuracy.json", accuracy.measure([model], load_dataset(folder / "faces.csv"), "validation"))
    (folder / "bare.tflite").write_bytes(graph)
    frames = [frame.image for frame in VirtualCamera(size=(160, 120), frames=4)]
    for suffix in (".png", ".jpg", ".tiff", ".webp", ".bmp", ".gif"):
        cv2.imwrite(str(folder / f"picture{suffix}"), frames[0])
    writer = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    for frame in frames:
        writer.write(frame)
    writer.release()
    samples = np.zeros(800, np.int16).tobytes()
    (folder / "sound.wav").write_bytes(
        b"RIFF"
        + (36 + len(samples)).to_bytes(4, "little")
        + b"WAVEfmt "
        + (16).to_bytes(4, "little")
        + b"\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data"
        + len(samples).to_bytes(4, "little")
        + samples
    )
    for split in ("train", "test"):
        for label in ("happy", "sad"):
            (folder / "faces" / split / label).mkdir(parents=True)
            cv2.imwrite(str(folder / "faces" / split / label / "a.png"), frames[0][:48, :48])
    (folder / "muxspace" / "data").mkdir(parents=True)
    (folder / "muxspace" / "images").mkdir()
    legend = "user.id,image,emotion\n1,a.png,happiness\n2,b.png,anger\n"
    (folder / "muxspace" / "data" / "legend.csv").write_text(legend)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / "muxspace" / "images" / name), frames[0][:48, :48])
    data = {"name": "FER2013", "sha256": "0", "path": "faces.csv"}
    info = {"recipe": "mine", "data": data, "labels": FER2013_LABELS, "versions": {}, "epochs_done": 1}
    write_json(folder / "run" / "run.json", info)
    (folder / "run" / "history.csv").write_text("epoch,loss,accuracy,val_loss,val_accuracy\n1,1.9,0.2,1.9,0.2\n")
    row = {"begin": "2026-06-01T12:00+02:00", "people": 3, "left": 2}
    sums = {"seconds": {"happy": 1.5}, "held": {"happy": 1}}
    write_json(folder / ".counts.csv.now", {"every": "hour", **row, "dwell": 4.2, **sums})
    rows = [{**row, "mean_dwell": 2.1, **sums}]
    write_json(folder / "counts.json", {"schema": "ferlite-counts/1", "every": "hour", "spans": rows})
    (folder / "counts.csv").write_text(
        "hour,people,left,mean_dwell,seconds happy,held happy\n2026-06-01T12:00+02:00,3,2,2.1,1.5,1\n"
    )
    (folder / "link").symlink_to("faces.csv")
    (folder / "loop").symlink_to("loop")
    (folder / "run" / "recipe.toml").write_text((folder / "recipe.toml").read_text())
    return folder


@pytest.fixture
def attack(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request) -> Iterator[Attack]:
    """Run a command line; TensorFlow is out of reach, as on a Pi: bad input is to be refused before it is needed."""
    for package in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(os, "_exit", sys.exit)  # Ctrl-C while ferlite starts: this process must live on
    running = Attack(template, tmp_path)
    yield running
    request.node.user_properties.append((_CASES, running.cases))
