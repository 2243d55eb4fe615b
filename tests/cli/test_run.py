"""What `ferlite run` shows: faces and labels at a terminal, JSON lines for programs."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from typing import Any, cast

import numpy as np
import pytest
from rich.console import Console

from ferlite.cli.app import main
from ferlite.cli.limits import rotation
from ferlite.cli.live import LiveView
from ferlite.cli.summary import Summary
from ferlite.device.sources.base import Source
from ferlite.device.state import OutputState, RateLimit, State
from ferlite.device.types import UNREADABLE, Expression, Face, Frame, FrameResult, Reading, TrackedFace
from ferlite.errors import UsageError

COMMAND = [sys.executable, "-c", "from ferlite.cli.app import main; main()"]
PIXELS = np.zeros((48, 48, 3), np.uint8)


def at_terminal(*arguments):
    """Run with a terminal of its own as stdout and stderr; return the exit code and all that it was sent."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=end,
        stdout=end,
        stderr=end,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
    ) as process:
        os.close(end)
        shown = b""
        while True:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # nobody holds the other end any more
                break
    os.close(terminal)
    return process.returncode, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def test_a_terminal_shows_faces_and_labels_and_no_json():
    code, shown = at_terminal("run", "virtual:faces=2,frames=4")
    assert code == 0
    assert "{" not in shown
    assert re.search(r"virtual:faces=2\S*  4 frames", shown)
    faces = re.findall(r"│ +(\d+) │ (\w+) +│ +\d+% │", shown)
    assert {number for number, _ in faces} == {"1", "2"}
    for label in {label for _, label in faces[-2:]}:
        assert re.search(rf"│ {label} +│ +\d+ │ +\d+% │", shown), "the summary lacks the label"
    assert "8 faces of 2 people" in shown


def test_a_terminal_shows_the_view_while_lines_go_to_a_file(tmp_path):
    out = tmp_path / "out.jsonl"
    code, shown = at_terminal("run", "--source", "virtual:frames=3", "--output", str(out))
    assert code == 0
    assert "{" not in shown
    assert "3 frames" in shown
    assert [json.loads(line)["frame"] for line in out.read_text().splitlines()] == [0, 1, 2]


def test_a_terminal_shows_json_lines_when_asked_to():
    code, shown = at_terminal("run", "virtual:frames=2", "--output", "-")
    lines = shown.splitlines()
    assert code == 0
    assert [json.loads(line)["frame"] for line in lines[:2]] == [0, 1]
    assert "confidence │" not in shown


def test_a_terminal_shows_an_error_in_a_line(tmp_path):
    code, shown = at_terminal("run", str(tmp_path / "none.mp4"))
    assert code == 1
    assert "error: " in shown
    assert "Traceback" not in shown


def test_a_pipe_gets_json_lines_and_the_summary_goes_to_stderr():
    done = subprocess.run(
        [*COMMAND, "run", "virtual:faces=2,frames=3"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "FORCE_COLOR": "1"},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2]
    assert "6 faces of 2 people (" in done.stderr
    assert lines[-1]["faces"][0]["label"] in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["virtual:frames=1", "--source", "virtual:frames=1"], 0),
        (["virtual:frames=1", "--source", "virtual:frames=2"], 2),
    ],
)
def test_two_sources_are_an_error_unless_they_are_the_same(arguments, code):
    done = subprocess.run([*COMMAND, "run", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("two sources are given" in done.stderr) == bool(code)


def test_the_message_about_two_sources_shows_no_password(monkeypatch, capsys):
    code, shown = called(monkeypatch, capsys, "rtsp://u:secret@host/x", "--source", "b.jpg")
    assert code == 2
    assert "two sources are given" in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("",), "the source is empty"),
        (("--source", ""), "the source is empty"),
        (("virtual:", "--output", ""), "--output is empty"),
        (("virtual:", "--output", "x.mp4", "--annotate", "./x.mp4"), "x.mp4 are one file"),
    ],
)
def test_empty_names_and_one_file_for_two_outputs_are_refused(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, shown = called(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in shown
    assert not list(tmp_path.iterdir())


def called(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["ferlite", "run", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code, capsys.readouterr().err


class Camera(Source):
    """Never asked for a frame."""

    spec, live, size = "cam\x1b[2J\udcff", True, (48, 48)

    def __iter__(self):
        return iter(())

    def close(self):
        pass


def test_a_run_that_holds_too_much_memory_leaves_with_the_code_for_another_try(tmp_path, monkeypatch):
    held = iter([1.0])
    defaults = {"resident": lambda: next(held, 999.0)}
    monkeypatch.setattr("ferlite.device.service.memory.MemoryGuard.__init__.__kwdefaults__", defaults)
    monkeypatch.setattr("ferlite.device.service.memory.PAUSE", 0.001)
    lines = str(tmp_path / "x.jsonl")
    monkeypatch.setattr(sys, "argv", ["ferlite", "run", "virtual:live=true", "--max-memory", "500", "--output", lines])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 75


def tracked(number, label="happy", unreadable=""):
    face = Face((0, 0, 9, 9), 0.9, np.zeros((5, 2), np.float32))
    seen = None if unreadable else Expression(("happy", "sad"), np.array([0.75, 0.25], np.float32))
    return TrackedFace(number, face, {"m": Reading(seen, seen, label)}, unreadable)


def result(*faces, **more):
    return FrameResult(Frame(PIXELS, 0, 0.0), faces, {"detect": 2.0}, **more)


@pytest.fixture
def now():
    return [100.0]


class Shown:
    """What a view looks at."""

    source, state = Camera(), State("opening")


@pytest.fixture
def view():
    with LiveView(Console(file=io.StringIO(), width=100), cast(Any, Shown())) as view:
        yield view


def drawn(view):
    text = io.StringIO()
    Console(file=text, width=120).print(view.render())
    return text.getvalue()


def test_the_view_shows_drops_losses_and_what_a_lost_camera_waits_for(view):
    assert "0 frames  opening" in drawn(view)
    view.write(result(tracked(7)))
    view._pipeline.state = State("running", frames=30, rate=15.0, dropped=12, reopened=2)
    shown = drawn(view)
    assert "30 frames  15.0 a second  12 dropped  reopened: 2" in shown
    assert re.search(r"7 │ happy │ +75%", shown)
    view._pipeline.state = State("running", limit=RateLimit(2.0, "the machine is at 76 °C"))
    assert "at most 2.0 frames a second: the machine is at 76 °C" in drawn(view)
    view._pipeline.state = State("reopening", "no\x1b frame", 2, next_try=3.0, frames=30)
    assert "reopening, attempt 2, next try in 3 s: no\N{REPLACEMENT CHARACTER} frame" in drawn(view)


def test_the_view_shows_what_an_output_drops_and_why(view):
    outputs = (OutputState("out.jsonl"), OutputState("out.csv", 3), OutputState("out.mp4", 4, "can't write out.mp4"))
    view._pipeline.state = State("running", frames=30, outputs=outputs)
    assert "out.csv (3 dropped)\ncan't write out.mp4 (4 dropped)\n" in drawn(view)
    assert "out.jsonl" not in drawn(view)


@pytest.mark.parametrize(
    ("source", "options", "files"),
    [
        ("virtual:frames=20", (), ["out.jsonl"]),
        ("virtual:frames=20", ("--keep", "28kB"), ["out-DATE.jsonl", "out.jsonl"]),
        ("virtual:frames=20", ("--file-size", "7 kB"), ["out-DATE.jsonl", "out.jsonl"]),
        ("virtual:live=true,frames=20", (), ["out.jsonl"]),
    ],
)
def test_files_are_divided_where_that_was_asked_for(tmp_path, source, options, files):
    subprocess.run([*COMMAND, "run", source, "--output", tmp_path / "out.jsonl", *options], check=True)
    assert sorted(re.sub(r"\d{8}T\d{6}Z", "DATE", path.name) for path in tmp_path.iterdir()) == files


def test_the_defaults_of_limits_hold_for_live_sources_alone(tmp_path):
    assert rotation(None, None, None, live=False) is None
    for live in (True, False):
        file = tmp_path / "out.jsonl"
        with file.open("wb") as content:
            content.truncate(1_000_000_001)
        limit = rotation(None, None, None if live else "1gb", live=live)
        assert limit is not None
        with pytest.raises(UsageError, match="1,000,000,001 bytes already"):
            limit.share(file)
    limit = rotation("none", "none", "NONE", live=True)
    assert limit is not None
    limit.share(file)


@pytest.mark.parametrize(("option", "text"), [("size", "big"), ("size", "1 PB"), ("age", "24"), ("keep", "-1GB")])
def test_a_limit_that_is_none_names_the_option(option, text):
    given = {"size": None, "age": None, "keep": None, option: text}
    with pytest.raises(UsageError, match=f"{option} is '{text}'; expected for instance"):
        rotation(**given, live=True)


def test_the_view_says_why_a_face_is_unreadable_and_cuts_a_crowd(view):
    view.write(result(*(tracked(number, UNREADABLE, "too small") for number in range(1, 14))))
    shown = drawn(view)
    assert "unreadable: too small" in shown
    assert "and 3 more" in shown


def test_a_name_can_not_write_to_the_terminal(view):
    assert "cam\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}" in drawn(view)


def test_a_summary_counts_labels_people_and_frames_a_second(now):
    summary = Summary(clock=lambda: now[0])
    for faces in [(tracked(1), tracked(2, "sad")), (tracked(2, "sad"),), (tracked(3), tracked(2, "sad"))]:
        summary.write(result(*faces, dropped=4))
        now[0] += 0.5
    assert summary.counts == "3 frames, 2.0 a second, 4 dropped, 5 faces of 3 people"
    assert summary.labels == {"sad": 3, "happy": 2}
    assert summary.stages == {"detect": 2.0}
    assert str(summary).startswith(summary.counts + " (sad 3, happy 2); ms a frame: detect 2.00")


def test_the_summary_of_a_picture_speaks_of_no_people():
    summary = Summary()
    summary.write(result(tracked(1), tracked(2)))
    assert summary.counts == "1 frame, 2 faces"
    assert summary.rate is None


def test_a_video_is_not_written_into_the_file_that_gets_the_lines(tmp_path):
    out = tmp_path / "out.mp4"
    with out.open("wb") as lines:
        run = [*COMMAND, "run", "virtual:frames=2", "--annotate", out]
        done = subprocess.run(run, stdout=lines, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "out.mp4 are one file" in done.stderr
    assert out.read_bytes() == b""
