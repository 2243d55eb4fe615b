"""Stopping a run from outside, whenever it comes, leaves whole outputs."""

import json
import signal
import subprocess
import sys
import time

import pytest

from ferlite import open_source

COMMAND = [sys.executable, "-c", "from ferlite.cli.app import main; main()"]


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
        assert abs(len(list(clip)) - len(written)) <= 1


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
