"""The robot runs as people run it, and on a camera that is lost."""

import asyncio
import importlib.util
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ferlite
from ferlite import Source, VirtualCamera
from ferlite.device.sources.base import Watched
from ferlite.device.state import State

ROBOT = Path(ferlite.__file__).parent / "examples" / "robot.py"
SMILING = "virtual:frames=24,seed=35"


@pytest.fixture
def robot():
    spec = importlib.util.spec_from_file_location("robot", ROBOT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def said(source):
    done = subprocess.run([sys.executable, ROBOT, source], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("My camera is running", "My camera is ended")
    return lines


def test_it_greets_a_drawn_face_that_smiles_and_turns_to_it():
    lines = said(SMILING)
    assert lines.count("Hello! Nice to see you smile.") == 1
    assert any(line.startswith("I turn my head to ") for line in lines)


def test_it_greets_a_person_who_smiles_once(media):
    assert said(media / "head-pose-face-detection-male.gif").count("Hello! Nice to see you smile.") == 1


class Interrupted(Source):
    """Gives two frames, and two more once somebody has noticed that none come."""

    spec, size = "interrupted", (640, 480)

    def __init__(self, noticed):
        self.noticed = noticed

    def __iter__(self):
        frames = iter(VirtualCamera(frames=4))
        yield next(frames)
        yield next(frames)
        assert self.noticed.wait(20)
        yield from frames

    def close(self):
        pass


def test_it_says_that_its_camera_is_lost_and_that_it_is_back(robot, monkeypatch):
    lines, noticed = [], threading.Event()

    def say(*words):
        lines.append(" ".join(words))
        if lines[-1] == "My camera is stalled":
            noticed.set()

    monkeypatch.setattr(robot, "print", say, raising=False)
    monkeypatch.setattr(robot, "open_source", lambda source, wait: Interrupted(noticed))
    asyncio.run(robot.main("a camera"))
    states = [line for line in lines if line.startswith("My camera is")]
    assert states == [f"My camera is {state}" for state in ("running", "stalled", "running", "ended")]


class Absent(Watched):
    """Is opened twice in vain, and then gives two frames."""

    spec, size, absent = "absent", (640, 480), True

    @property
    def state(self):
        return State("opening", "no such device", attempt=1) if self.absent else State("running", "no such device")

    def watch(self):
        yield None
        yield None
        self.absent = False
        yield from VirtualCamera(frames=2)

    def close(self):
        pass


def test_it_says_once_why_it_waits_for_its_camera(robot, monkeypatch):
    lines = []
    monkeypatch.setattr(robot, "print", lambda *words: lines.append(" ".join(words)), raising=False)
    monkeypatch.setattr(robot, "open_source", lambda source, wait: Absent())
    asyncio.run(robot.main("a camera"))
    assert lines[:2] == ["I wait for my camera: no such device", "My camera is running"]


def test_a_camera_that_breaks_ends_the_robot_with_its_error(robot, monkeypatch):
    def broken(source, wait):
        raise ferlite.SourceError("no camera")

    monkeypatch.setattr(robot, "open_source", broken)
    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(robot.main("a camera"))
    assert raised.group_contains(ferlite.SourceError, match="no camera")


def test_it_fits_on_a_page():
    assert len(ROBOT.read_text().splitlines()) <= 40
