"""A disk that is full for a while: what lies on it stays whole, the run goes on, and writing resumes."""

import csv
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from ferlite import AnnotatedVideo, Counts, CsvRows, EventRules, JsonLines, Output, Pictures, Pipeline, open_source
from ferlite.device import counts as counts_module
from ferlite.device.outputs.json_lines import EventLines
from ferlite.device.sources.virtual import VirtualCamera
from ferlite.errors import OutputError

COMMAND = [sys.executable, "-c", "from ferlite.cli.app import main; main()"]


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(request, tmp_path):
    """A small file system of its own."""
    folder, image = tmp_path / "disk", tmp_path / "disk.img"
    folder.mkdir()
    if request.param == "tmpfs":
        steps = [["mount", "-t", "tmpfs", "-o", "size=2M", "ferlite-test", folder]]
    else:
        image.touch()
        os.truncate(image, 4 << 20)
        steps = [["mkfs.ext4", "-q", "-m", "0", image], ["mount", "-o", "loop", image, folder]]
    for step in steps:
        if (
            os.geteuid()
            or not shutil.which(step[0])
            or subprocess.run(step, check=False, capture_output=True).returncode
        ):
            pytest.skip("file systems can't be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder):
    with (folder / "ballast").open("wb", buffering=0) as file:
        for _ in range(3):  # some file systems find room once more
            with suppress(OSError):
                while True:
                    file.write(bytes(4096))
            os.fsync(file.fileno())


def frames_in(path):
    with open_source(path) as source:
        return len(list(source))


class Tide(Output):
    """Fills the disk at one frame, waits until all outputs fail, and makes room at another."""

    def __init__(self, folder, pipeline, failing):
        self.folder, self.pipeline, self.failing = folder, pipeline, failing
        self.seen = []

    def write(self, result):
        self.seen.append(result.frame.index)
        if len(self.seen) == 15:
            fill(self.folder)
        if len(self.seen) == 30:
            self.wait(self.failing)
            (self.folder / "ballast").unlink()
        if len(self.seen) == 59:
            self.wait(0)

    def wait(self, failing):
        deadline = time.monotonic() + 60
        while sum(bool(each.problem) for each in self.pipeline.state.outputs) != failing:
            assert time.monotonic() < deadline, self.pipeline.state.outputs
            time.sleep(0.01)


def test_every_output_resumes_when_there_is_room_and_the_counts_are_whole(disk, tmp_path, monkeypatch):
    monkeypatch.setattr(counts_module, "_SAVE", 0.0)
    camera = VirtualCamera(faces=1, seed=1)
    camera.live = camera.newest_only = True
    ticks = itertools.count(0, 100)
    rules = EventRules(confirm=1, held={"happy": 0.0}, cooldown=0.0)
    with Pipeline.open(camera, model="ferlite-m", rules=rules) as pipeline, Counts(tmp_path / "all.csv") as expected:
        lines, rows = JsonLines(disk / "out.jsonl"), CsvRows(disk / "out.csv", pipeline.classifiers)
        counts, pictures = Counts(disk / "counts.csv"), Pictures(disk / "pictures")
        video = AnnotatedVideo(disk / "out.mp4", 20, clock=lambda: float(next(ticks)))
        for each in (lines, rows, video, pictures):
            each.backlog = 100
        with lines, rows, counts, pictures, video:
            tide = Tide(disk, pipeline, 5)
            pipeline.run(lines, rows, counts, pictures, video, expected, tide, frames=60)
        dropped = {each.name.rpartition("/")[2]: each.dropped for each in pipeline.state.outputs}
    assert dropped["counts.csv"] == 0
    assert all(dropped[name] for name in ("out.jsonl", "out.csv", "out.mp4", "pictures"))
    written = [json.loads(line) for line in (disk / "out.jsonl").read_text().splitlines()]
    assert len(written) == 60 - dropped["out.jsonl"]
    with (disk / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file, strict=True))
    assert int(table[-1]["frame"]) == written[-1]["frame"] == tide.seen[-1]
    assert len(table) == 60 - dropped["out.csv"]
    assert len(list((disk / "pictures").iterdir())) == 60 - dropped["pictures"]
    videos = sorted(disk.glob("out*.mp4"))
    assert len(videos) >= 2
    assert 0 <= 60 - dropped["out.mp4"] - sum(map(frames_in, videos)) <= len(videos)
    assert Counts(disk / "counts.csv").rows == Counts(tmp_path / "all.csv").rows == counts.rows
    assert sum(row["people"] or 0 for row in counts.rows) == 1


def test_a_run_that_ends_on_a_full_disk_is_an_error_that_names_each_file(disk):
    fill(disk)
    files = {"--output": "out.jsonl", "--events": "events.jsonl", "--annotate": "out.mp4"}
    options = [each for option, name in files.items() for each in (option, disk / name)]
    command = [*COMMAND, "run", "virtual:live=true", "--frames", "8", *options, "--counts", disk / "counts.csv"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    error = run.stderr.splitlines()[-1]
    assert error.startswith("error: ")
    named = [name for name in files.values() if f"can't write {disk / name}: No space left on device; " in error]
    assert len(named) >= 2
    for name in set(files.values()) - set(named):  # what another one gave back was room for a line
        assert (disk / name).read_bytes().endswith(b"}\n")
    for name in named:
        assert re.search(
            rf"{name}: No space left on device; check free space and permissions \([1-8] dropped\)\n", run.stderr
        )


def test_a_clip_ends_with_an_error_where_the_disk_is_full(disk):
    lines = JsonLines(disk / "out.jsonl")
    fill(disk)
    with Pipeline.open("virtual:frames=9") as pipeline, lines, pytest.raises(OutputError, match="No space left"):
        pipeline.run(lines)


def test_events_resume_too(disk):
    with Pipeline.open("virtual:frames=9,faces=1", rules=EventRules(confirm=1)) as pipeline:
        results = list(pipeline)
    event = next(event for result in results for event in result.events)
    with EventLines(disk / "events.jsonl") as lines:
        lines.event(event)
        fill(disk)
        with suppress(OutputError):
            while True:
                lines.event(event)
        before = (disk / "events.jsonl").read_text().splitlines()
        (disk / "ballast").unlink()
        lines.event(event)
    after = (disk / "events.jsonl").read_text().splitlines()
    assert after == [*before, before[-1]]
    assert [json.loads(line)["event"] for line in after] == [event.kind] * len(after)
