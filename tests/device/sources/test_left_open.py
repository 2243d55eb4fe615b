"""Sources that nobody closed: at the end of the process, when they are dropped, and after a fork."""

import os
import subprocess
import sys
from itertools import repeat

import cv2
import numpy as np
import pytest


@pytest.fixture
def camera(serve_mjpeg, jpeg):
    """The address of a camera that never stops."""
    return serve_mjpeg(repeat(jpeg))


def run(program, *arguments):
    """Run a program in a process of its own; return what it prints."""
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_process_ends_quietly_with_open_streams(camera):
    program = """
import sys
from ferlite.device.sources.open import open_source
sources = [open_source(sys.argv[1]) for _ in range(8)]
for source in sources:
    next(iter(source))
"""
    for _ in range(5):
        assert run(program, camera) == []


DROP = """
import os, sys, threading
from ferlite import Classifier, Pipeline
classifier = Classifier.load()
def drop(count):
    for _ in range(count):
        next(iter(Pipeline.open(sys.argv[1], model=classifier)))
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(10)
    print(threading.active_count(), len(os.listdir("/proc/self/fd")))
drop(1)
drop(20)
"""


def test_dropped_pipelines_give_back_their_threads_and_files(camera):
    before, after = run(DROP, camera)
    assert before == after
    assert before.startswith("1 ")


def test_dropped_clips_give_back_their_files(tmp_path):
    path = str(tmp_path / "a.avi")
    writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for _ in range(5):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    before, after = run("import gc; gc.disable()\n" + DROP, path)
    assert before == after


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_an_error_and_leaves_the_camera_to_its_parent(camera):
    program = """
import os, signal, sys
from ferlite.device.sources.open import open_source
from ferlite.errors import SourceError
with open_source(sys.argv[1]) as source:
    next(iter(source))
    child = os.fork()
    if not child:
        signal.alarm(20)
        try:
            next(iter(source))
        except SourceError as error:
            print(error)
        source.close()
        sys.exit()
    os.waitpid(child, 0)
    print(next(iter(source)).image.shape, source.reopened)
"""
    error, parent = run(program, camera)
    assert "was opened before this process was forked, and is read in the other one; open it here" in error
    assert parent == "(120, 160, 3) 0"
