"""Stopping a run from outside, whenever it comes, leaves whole outputs."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ferlite import open_source
from ferlite.cli.signals import Undivided, terminable
from ferlite.device.outputs.base import Output
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_two_outputs_waits_for_both(number):
    first, second = Interrupted(number), Interrupted(number, times=0)
    before = signal.getsignal(number)
    with terminable(), pytest.raises(KeyboardInterrupt):
        Undivided(first, second).write(FRAME)
    assert len(first.written) == len(second.written) == 1
    assert signal.getsignal(number) is before


def test_a_second_signal_does_not_wait_for_an_output():
    hanging = Interrupted(signal.SIGINT, times=2)
    with pytest.raises(KeyboardInterrupt):
        Undivided(hanging).write(FRAME)
    assert hanging.written == []


def test_outputs_are_done_when_one_of_them_is():
    first, second = Interrupted(signal.SIGINT, times=0), Interrupted(signal.SIGINT, times=0)
    both = Undivided(first, second)
    both.write(FRAME)
    assert not both.done
    second.done = True
    both.write(FRAME)
    assert both.done
