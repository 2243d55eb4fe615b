"""Stopping a run from outside, whenever it comes, leaves whole outputs."""

import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time

import numpy as np
import pytest

from ferlite import Counts, open_source
from ferlite.cli import signals
from ferlite.cli.signals import Stopping
from ferlite.device.outputs.base import Output, Together
from ferlite.device.types import Frame, FrameResult

# Where the tests run in the background SIGINT is ignored; a child would inherit that.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from ferlite.cli.app import main
main()
"""
COMMAND = [sys.executable, "-c", PROGRAM]


@pytest.fixture(autouse=True)
def interruptible():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# A camera whose driver hangs for ever, after some frames or while it is started.
HANGING = """
import threading
from pathlib import Path
import numpy as np

class Picamera2:
    camera_controls = {}
    left = LEFT

    def __init__(self, number):
        pass

    @staticmethod
    def global_camera_info():
        return [{"Model": "hangs"}]

    def create_video_configuration(self, main, controls):
        return {"main": main}

    def configure(self, configuration):
        self.configuration = configuration

    def camera_configuration(self):
        return self.configuration

    def start(self):
        self.hang_at(-1)

    def capture_array(self, name, wait, signal_function):
        self.left -= 1
        self.hang_at(0)
        signal_function(None)

    def wait(self, job):
        return np.zeros((480, 640, 3), np.uint8)

    def close(self):
        pass

    def hang_at(self, left):
        if self.left == left:
            Path(__file__).with_name("hung").touch()
            threading.Event().wait()
"""


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("source", ["virtual:", "virtual:live=true"])
def test_a_signal_ends_a_run_with_its_outputs_closed(tmp_path, number, source):
    out, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    arguments = ["run", "--source", source, "--output", out, "--annotate", video]
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True) as process:
        while len(lines(out)) < 5:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        remark = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert "stopped" in remark
    assert "Traceback" not in remark
    written = [json.loads(line) for line in lines(out)]
    with open_source(video) as clip:
        assert len(list(clip)) == len(written)


def test_lines_before_a_kill_are_whole(tmp_path):
    out = tmp_path / "out.jsonl"
    with subprocess.Popen([*COMMAND, "run", "--source", "virtual:", "--output", out]) as process:
        while len(lines(out)) < 5:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    for line in lines(out)[:-1]:
        json.loads(line)


def test_a_kill_of_a_live_run_costs_a_second_of_video_at_most_also_between_two_files(tmp_path):
    if shutil.which("ffprobe") is None:
        pytest.skip("no ffprobe here")
    out, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    options = ["--output", out, "--annotate", video, "--keep", "2MB", "--file-size", "60kB"]
    with subprocess.Popen([*COMMAND, "run", "virtual:live=true", *options]) as process:
        while len(list(tmp_path.glob("out-*.mp4"))) < 2 or not video.exists() or not video.stat().st_size:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    frames = 0
    for each in tmp_path.glob("*.mp4"):
        probe = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames,codec_name", each]
        probed = subprocess.run([*probe, "-of", "json"], check=True, capture_output=True, text=True)
        assert probed.stderr == ""
        frames += int(json.loads(probed.stdout)["streams"][0].get("nb_read_frames", 0))
    written = [json.loads(line) for path in sorted(tmp_path.glob("*.jsonl")) for line in lines(path)]
    seen = [each["frame"] for each in written]
    assert seen == sorted(set(seen))
    # 15 frames are a second.
    assert len(seen) - 15 <= frames <= len(seen) + 15


def test_a_reader_that_leaves_ends_the_run_quietly(tmp_path):
    run = [*COMMAND, "run", "--source", "virtual:"]
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        json.loads(process.stdout.readline())
        process.stdout.close()
        remark = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in remark


@pytest.mark.parametrize(("frames", "code"), [(4, 0), (-1, 130)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_whose_camera_hangs(tmp_path, number, frames, code):
    (tmp_path / "picamera2.py").write_text(HANGING.replace("LEFT", str(frames)))
    out, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    arguments = ["run", "--source", "picamera:0", "--output", out, "--annotate", video]
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen([*COMMAND, *arguments], env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "hung").exists() or (frames > 0 and not lines(out)):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        remark = process.communicate(timeout=30)[1]
    assert process.returncode == code
    assert "Traceback" not in remark
    if frames > 0:
        assert "stopped" in remark
        with open_source(video) as clip:
            assert len(list(clip)) == len(lines(out)) > 0


# Raises a signal at the import of a package, in a place where Python loses an exception.
INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

class Finder:
    def find_spec(self, name, path, target=None):
        if name == "PACKAGE":
            try:
                signal.raise_signal(NUMBER)
            except BaseException:
                pass

sys.meta_path.insert(0, Finder())
from ferlite.cli.app import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("package", ["cv2", "rich.console", "ai_edge_litert"])
def test_a_signal_while_a_run_starts_ends_it(package, number):
    program = INTERRUPTED.replace("PACKAGE", package).replace("NUMBER", str(int(number)))
    line = [sys.executable, "-c", program, "run", "virtual:frames=3", "--output", "/dev/null"]
    run = subprocess.run(line, capture_output=True, text=True, check=False)
    assert run.returncode == 128 + number
    assert run.stderr == "stopped\n"


FRAME = FrameResult(Frame(np.zeros((48, 48, 3), np.uint8), 0, 0.0), ())


class Interrupted(Output):
    """An output at which a signal arrives; `times` of them before the frame is written."""

    def __init__(self, number, times=1):
        self.number, self.times = number, times
        self.written = []

    def write(self, result):
        for _ in range(self.times):
            signal.raise_signal(self.number)
        self.written.append(result)


def write(stopping, *outputs):
    with stopping.postponed():
        Together(*outputs).write(FRAME)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_two_outputs_waits_for_both(number):
    first, second = Interrupted(number), Interrupted(number, times=0)
    before = signal.getsignal(number)
    with Stopping() as stopping, pytest.raises(KeyboardInterrupt):
        write(stopping, first, second)
    assert len(first.written) == len(second.written) == 1
    assert signal.getsignal(number) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_second_signal_does_not_wait_for_an_output():
    hanging = Interrupted(signal.SIGINT, times=2)
    with Stopping() as stopping, pytest.raises(KeyboardInterrupt):
        write(stopping, hanging)
    assert hanging.written == []


class Hanging(Interrupted):
    """An output that never comes back once the signal has arrived."""

    def write(self, result):
        super().write(result)
        threading.Event().wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_breaks_off_an_output_that_hangs(number, monkeypatch):
    monkeypatch.setattr(signals, "_PATIENCE", 0.05)
    with Stopping() as stopping, pytest.raises(KeyboardInterrupt):
        write(stopping, Hanging(number))


def test_a_signal_ends_a_process_that_hangs_while_it_closes():
    program = """
import signal, threading
from ferlite.cli import signals
signals._PATIENCE = 0.05
with signals.Stopping():
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        threading.Event().wait()
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 130


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Stopping():
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("live", ["", ",live=true"], ids=["clip", "live"])
@pytest.mark.parametrize("shared", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_signal_ends_a_run_whose_reader_has_stopped(tmp_path, shared, live):
    video = tmp_path / "out.mp4"
    read, write = os.pipe()
    room = fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    # Without a face a line has about 220 bytes; when less is left, the next one waits.
    run = [*COMMAND, "run", f"virtual:faces=0{live}", "--annotate", video, "--counts", tmp_path / "counts.csv"]
    with subprocess.Popen(run, stdout=write, stderr=write if shared else subprocess.DEVNULL) as process:
        os.close(write)
        while int.from_bytes(fcntl.ioctl(read, termios.FIONREAD, bytes(4)), sys.byteorder) < room - 250:
            assert process.poll() is None
            time.sleep(0.02)
        process.terminate()
        # Where standard error is stuck, too, the remark at the end may not fit.
        assert process.wait(timeout=30) in ((0, 130) if shared else (0,))
    os.close(read)
    with open_source(video) as clip:
        assert len(list(clip)) > 10
    if not shared:
        (row,) = Counts(tmp_path / "counts.csv").rows
        assert row["people"] == 0


@pytest.mark.parametrize("live", ["", ",live=true"], ids=["clip", "live"])
def test_a_signal_ends_a_run_whose_fifo_is_not_read(tmp_path, live):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    room = fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    run = [*COMMAND, "run", f"virtual:faces=0{live}", "--output", fifo]
    with subprocess.Popen(run, stderr=subprocess.DEVNULL) as process:
        while int.from_bytes(fcntl.ioctl(reader, termios.FIONREAD, bytes(4)), sys.byteorder) < room - 250:
            assert process.poll() is None
            time.sleep(0.02)
        process.terminate()
        assert process.wait(timeout=30) == 0
    os.close(reader)


def test_sighup_lets_a_run_go_on_in_a_new_file(tmp_path):
    out, old = tmp_path / "out.jsonl", tmp_path / "out.jsonl.1"
    run = [*COMMAND, "run", "virtual:faces=0", "--output", out]
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        for path in (old, None):
            while len(lines(out)) < 3:
                assert process.poll() is None
                time.sleep(0.02)
            if path is not None:
                out.rename(path)
                process.send_signal(signal.SIGHUP)
        process.terminate()
        assert process.stderr is not None
        assert b"stopped" in process.stderr.read()
    assert process.returncode == 0
    numbers = [json.loads(line)["frame"] for path in (old, out) for line in lines(path)]
    assert numbers == list(range(len(numbers)))


def test_a_run_that_a_terminal_shows_ends_with_it_and_whole_outputs(tmp_path):
    out, video = tmp_path / "out.jsonl", tmp_path / "out.mp4"
    terminal, end = pty.openpty()
    program = "import fcntl, os, sys; fcntl.ioctl(0, int(sys.argv[1]), 0); os.execv(sys.argv[2], sys.argv[2:])"
    run = [*COMMAND, "run", "virtual:faces=0", "--output", out, "--annotate", video]
    command = [sys.executable, "-c", program, str(termios.TIOCSCTTY), *run]
    with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, start_new_session=True) as process:
        os.close(end)
        while len(lines(out)) < 3:
            assert process.poll() is None
            os.read(terminal, 65536)
        os.close(terminal)
        process.wait(timeout=30)
    with open_source(video) as clip:
        assert len(list(clip)) == len(lines(out)) >= 3


def test_outputs_are_done_when_one_of_them_is():
    first, second = Interrupted(signal.SIGINT, times=0), Interrupted(signal.SIGINT, times=0)
    both = Together(first, second)
    both.write(FRAME)
    assert not both.done
    second.done = True
    both.write(FRAME)
    assert both.done
