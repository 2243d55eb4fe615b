"""No output fills the disk: files are begun anew in time, and the oldest are removed."""

import csv
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ferlite import AnnotatedVideo, CsvRows, JsonLines, Pictures, Pipeline, Rotation, open_source
from ferlite.device.types import Frame, FrameResult
from ferlite.errors import OutputError, UsageError

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()


def a_result(index=0, image=None):
    if image is None:
        image = np.full((120, 160, 3), index % 250, np.uint8)
    return FrameResult(Frame(image, index, index / 20), ())


def noise(index):
    return a_result(index, np.random.default_rng(index).integers(0, 255, (120, 160, 3), np.uint8))


def sizes(folder):
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def frames_in(paths):
    return [json.loads(line)["frame"] for path in paths for line in path.read_text().splitlines()]


def test_a_full_file_gets_the_time_into_its_name_and_no_line_is_lost(tmp_path):
    path = tmp_path / "out.jsonl"
    with JsonLines(path, rotation=Rotation(2000, None, None, wall=lambda: NOON)) as lines:
        for index in range(60):
            lines.write(a_result(index))
    *finished, last = sorted(tmp_path.iterdir())
    assert last == path
    # Of one second: the names differ all the same, and sort by time.
    assert [each.name for each in finished[:2]] == ["out-20260601T120000Z.jsonl", "out-20260601T120001Z.jsonl"]
    assert len(finished) > 2
    assert all(2000 <= each.stat().st_size < 2300 for each in finished)
    assert frames_in([*finished, last]) == list(range(60))


def test_a_file_of_the_day_before_is_set_aside_also_by_the_next_run(tmp_path):
    path = tmp_path / "out.jsonl"
    clock = NOON
    with JsonLines(path, rotation=Rotation(None, 86400, None, wall=lambda: clock)) as lines:
        for index, hours in enumerate((0, 0, 24)):
            os.utime(path, (clock, clock))
            clock = NOON + 3600 * hours
            lines.write(a_result(index))
    os.utime(path, (clock, clock))
    clock += 86400
    with JsonLines(path, rotation=Rotation(None, 86400, None, wall=lambda: clock)) as lines:
        lines.write(a_result(3))
    finished = [tmp_path / f"out-2026060{day}T120000Z.jsonl" for day in (2, 3)]
    assert sorted(tmp_path.iterdir()) == [*finished, path]
    assert [frames_in([each]) for each in (*finished, path)] == [[0, 1], [2], [3]]


def test_all_files_together_stay_within_the_limit_and_the_oldest_go_first(tmp_path):
    total = 40_000
    rotation = Rotation(3000, None, total, wall=lambda: NOON)
    video = AnnotatedVideo(tmp_path / "out.mp4", 20, rotation=rotation)
    with video, JsonLines(tmp_path / "out.jsonl", rotation=rotation) as lines:
        for index in range(300):
            lines.write(a_result(index))
            video.write(a_result(index))
            assert sum(sizes(tmp_path).values()) <= total + 3000
    finished = [name for name in sizes(tmp_path) if name.endswith("Z.jsonl")]
    kept = frames_in([*(tmp_path / name for name in finished), tmp_path / "out.jsonl"])
    assert kept == list(range(kept[0], 300))
    assert 0 < kept[0] < 290


def test_only_what_was_set_aside_under_the_name_is_removed(tmp_path):
    others = [
        "out.txt", "out-1.jsonl", "out-20260601T120000Z.csv", "other-20260601T120000Z.jsonl",
        "out-20260601T120000Z.jsonl.gz", "out-20260601T1200.jsonl", "my-out-20260601T120000Z.jsonl",
    ]  # fmt: skip
    former = [f"out-2026010{day}T000000Z.jsonl" for day in range(1, 5)]
    for name in (*others, *former):
        (tmp_path / name).write_bytes(b"{}\n" * 1000)
    (tmp_path / "out-20250101T000000Z.jsonl").mkdir()
    with JsonLines(tmp_path / "out.jsonl", rotation=Rotation(1000, None, 9500)):
        left = set(sizes(tmp_path))
    assert left == {*others, *former[2:], "out.jsonl", "out-20250101T000000Z.jsonl"}


def test_a_file_that_is_larger_than_the_limit_is_refused_and_never_removed_at_once(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"{}\n" * 2000)
    with pytest.raises(UsageError, match=r"out\.jsonl holds 6,000 bytes already.*raise the limit"):
        JsonLines(path, rotation=Rotation(total=7999))
    assert sizes(tmp_path) == {"out.jsonl": 6000}
    with JsonLines(path, rotation=Rotation(total=12_000)) as lines:
        lines.write(a_result())
    assert 6000 in sizes(tmp_path).values()
    assert len(sizes(tmp_path)) == 2


def test_a_link_keeps_leading_to_the_file_that_is_written(tmp_path):
    disk, link = tmp_path / "disk", tmp_path / "link.jsonl"
    disk.mkdir()
    link.symlink_to(disk / "out.jsonl")
    with JsonLines(link, rotation=Rotation(1000, None, None)) as lines:
        for index in range(10):
            lines.write(a_result(index))
    assert link.is_symlink()
    assert frames_in(sorted(disk.iterdir())) == list(range(10))
    assert len(sizes(disk)) == 2


def test_the_oldest_pictures_of_a_run_are_removed(tmp_path):
    with Pictures(tmp_path / "faces", rotation=Rotation(total=200_000)) as pictures:
        for index in range(20):
            pictures.write(noise(index))
    names = sizes(tmp_path / "faces")
    assert sum(names.values()) <= 200_000
    assert list(names) == [f"{n:06d}.jpg" for n in range(20 - len(names), 20)]
    assert 1 < len(names) < 20


def test_each_video_begins_with_a_picture_of_its_own_and_none_is_lost(tmp_path):
    path = tmp_path / "out.mp4"
    with AnnotatedVideo(path, 20, rotation=Rotation(100_000, None, None)) as video:
        for index in range(30):
            video.write(noise(index))
    finished = sorted(tmp_path.iterdir())
    assert len(finished) > 2
    frames = 0
    for each in finished:
        with open_source(each) as source:
            frames += len(list(source))
    assert frames == 30


def test_a_killed_run_leaves_its_videos_and_the_next_one_keeps_them(tmp_path):
    path = tmp_path / "out.mp4"
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_rotation import AnnotatedVideo, Rotation, noise
video = AnnotatedVideo({str(path)!r}, 20, rotation=Rotation(100_000, None, None))
for index in range(15): video.write(noise(index))
os.kill(os.getpid(), 9)
"""
    run = subprocess.run([sys.executable, "-c", program], check=False)
    assert run.returncode == -signal.SIGKILL
    with AnnotatedVideo(path, 20, rotation=Rotation(100_000, None, None)) as video:
        video.write(noise(0))
    frames = []
    for each in sorted(tmp_path.iterdir()):
        with open_source(each) as source:
            frames.append(len(list(source)))
    assert sum(frames[:-1]) in (14, 15)  # H.264 lacks the last one
    assert frames[-1] == 1


def test_a_table_has_its_columns_in_each_file(tmp_path):
    path = tmp_path / "out.csv"
    with (
        Pipeline.open("virtual:frames=20", model="ferlite-m") as pipeline,
        CsvRows(path, pipeline.classifiers, rotation=Rotation(1000, None, None)) as rows,
    ):
        pipeline.run(rows)
    tables = [list(csv.DictReader(each.read_text().splitlines())) for each in sorted(tmp_path.iterdir())]
    assert len(tables) > 2
    assert len({tuple(row) for table in tables for row in table}) == 1
    assert [row["frame"] for table in tables for row in table] == [str(n) for n in range(20)]


def test_limits_out_of_range_are_named():
    for name in ("size", "age", "total"):
        with pytest.raises(UsageError, match=f"{name} is 0; it must be 1 or more"):
            Rotation(**{name: 0})  # type: ignore[arg-type]


def test_an_old_file_that_can_not_be_removed_is_an_error_and_lines_go_on(tmp_path, monkeypatch):
    def refuse(self, missing_ok):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    failed = 0
    with JsonLines(tmp_path / "out.jsonl", rotation=Rotation(1000, None, 8000)) as lines:
        for index in range(60):
            try:
                lines.write(a_result(index))
            except OutputError:
                failed += 1
    assert len(frames_in(sorted(tmp_path.iterdir()))) == 60 - failed
    assert 0 < failed < 20


def test_small_files_count_by_what_they_take_on_the_disk(tmp_path):
    rotation = Rotation(1, None, 40_000)
    with JsonLines(tmp_path / "out.jsonl", rotation=rotation) as lines:
        for index in range(50):
            lines.write(a_result(index))
    assert sum(512 * path.stat().st_blocks for path in tmp_path.iterdir()) <= 40_000 + 8192


def test_standard_output_and_devices_are_not_renamed(tmp_path):
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_rotation import JsonLines, Rotation, a_result
for target in ("-", "/dev/stdout", "/dev/null"):
    with JsonLines(target, rotation=Rotation(1)) as lines:
        for index in range(3): lines.write(a_result(index))
"""
    with (tmp_path / "out.jsonl").open("wb") as file:
        subprocess.run([sys.executable, "-c", program], check=True, stdout=file)
    assert list(sizes(tmp_path)) == ["out.jsonl"]
    assert frames_in([tmp_path / "out.jsonl"]) == [0, 1, 2, 0, 1, 2]
