import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ferlite.device.outputs.base import Output
from ferlite.device.outputs.json_lines import JsonLines
from ferlite.device.outputs.open import open_annotated, refuse_overwriting
from ferlite.device.outputs.pictures import Picture, Pictures
from ferlite.device.outputs.video import AnnotatedVideo
from ferlite.device.pipeline import Pipeline
from ferlite.device.sources.open import open_source
from ferlite.device.types import Frame, FrameResult
from ferlite.errors import OutputError, UsageError
from ferlite.models.pictures import read_picture

PRELUDE = """
import os, sys
import numpy as np
from ferlite.device.outputs.json_lines import JsonLines
from ferlite.device.outputs.video import AnnotatedVideo
from ferlite.device.types import Frame, FrameResult

def result(index):
    image = np.random.default_rng(index).integers(0, 255, (120, 160, 3), np.uint8)
    return FrameResult(Frame(image, index, index / 20), ())
"""


def a_result(index=0, size=(160, 120), time=None, name="", value=0):
    image = np.full((size[1], size[0], 3), value, np.uint8)
    return FrameResult(Frame(image, index, index / 20 if time is None else time, name), ())


def run_child(program, *arguments):
    command = [sys.executable, "-c", PRELUDE + program, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def read(path):
    with open_source(path) as source:
        return list(source)


# JSON lines


def test_lines_are_appended_and_on_disk_at_once(tmp_path):
    path = tmp_path / "new" / "out.jsonl"
    for start in (0, 2):
        with JsonLines(path) as output:
            output.write(a_result(start))
            output.write(a_result(start + 1, name="b\udcff.png"))
            assert len(path.read_text().splitlines()) == start + 2
        output.close()
    assert [json.loads(line)["frame"] for line in path.read_text().splitlines()] == [0, 1, 2, 3]


def test_a_line_that_was_cut_off_is_removed_at_the_next_run(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text('{"frame": 0}\n{"fra')
    with JsonLines(path) as output:
        output.write(a_result(7))
    assert [json.loads(line)["frame"] for line in path.read_text().splitlines()] == [0, 7]


def test_lines_go_to_standard_output_and_to_streams(capsys):
    stream = io.StringIO()
    for target in ("-", stream):
        with JsonLines(target) as output:
            output.write(a_result(3))
    assert json.loads(capsys.readouterr().out)["frame"] == 3
    assert json.loads(stream.getvalue())["frame"] == 3
    assert not stream.closed


def test_every_line_before_a_kill_is_whole(tmp_path):
    path = tmp_path / "out.jsonl"
    program = "s = JsonLines(sys.argv[1])\nfor i in range(50): s.write(result(i))\nos.kill(os.getpid(), 9)"
    assert run_child(program, path).returncode == -signal.SIGKILL
    assert [json.loads(line)["frame"] for line in path.read_text().splitlines()] == list(range(50))


def test_a_reader_that_leaves_ends_it_quietly():
    program = "s = JsonLines()\nn = 0\nwhile not s.done: s.write(result(n)); n += 1\nsys.stderr.write('end')"
    command = [sys.executable, "-c", PRELUDE + program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert json.loads(child.stdout.readline())["frame"] == 0
        child.stdout.close()
        assert child.stderr.read() == "end"
    assert child.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_names_the_file_and_the_remedy():
    with JsonLines("/dev/full") as output, pytest.raises(OutputError, match=r"/dev/full.*free space"):
        output.write(a_result())


# What every output does


@pytest.mark.parametrize("kind", [AnnotatedVideo, JsonLines])
def test_a_closed_output_takes_no_result_and_says_so(tmp_path, kind):
    output = kind(tmp_path / "out.mp4")
    output.close()
    with (
        Pipeline.open("virtual:frames=2") as pipeline,
        pytest.raises(OutputError, match=r"out\.mp4: this output is closed"),
    ):
        pipeline.run(output)


def test_an_error_at_the_end_does_not_hide_the_first_one():
    class Full(Output):
        def write(self, result):
            pass

        def close(self):
            raise OutputError("and this")

    with pytest.raises(UsageError, match="first"), Full():
        raise UsageError("first")
    with pytest.raises(OutputError, match="and this"), Full():
        raise KeyboardInterrupt


@pytest.mark.parametrize("open_it", [AnnotatedVideo, open_annotated])
def test_an_unknown_suffix_lists_the_known(tmp_path, open_it):
    with pytest.raises(UsageError, match=r"\.mp4"):
        open_it(tmp_path / "out.mov", 20)


def test_a_place_that_can_not_be_written_is_known_at_once(tmp_path):
    (tmp_path / "file").touch()
    for open_it in (AnnotatedVideo, JsonLines):
        with pytest.raises(OutputError, match=r"file/out\.mp4"):
            open_it(tmp_path / "file" / "out.mp4")
    with pytest.raises(OutputError, match="file/out"):
        Pictures(tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    for open_it in (AnnotatedVideo, JsonLines):
        with pytest.raises(OutputError, match="permissions"):
            open_it(tmp_path / "out.mp4")


@pytest.mark.parametrize("kind", [AnnotatedVideo, JsonLines])
def test_two_outputs_can_not_share_a_file(tmp_path, kind):
    path = tmp_path / "out.mp4"
    with kind(path) as output:
        for other in (AnnotatedVideo, JsonLines):
            with pytest.raises(OutputError, match=r"out\.mp4 is being written already"):
                other(path)
        output.write(a_result())
    kind(path).close()


def test_a_video_that_is_renamed_is_finished_and_a_new_one_begun(tmp_path):
    path, old = tmp_path / "out.mp4", tmp_path / "old.mp4"
    with AnnotatedVideo(path, 20) as output:
        for index in range(5):
            output.write(a_result(index))
        path.rename(old)
        for index in range(5, 8):
            output.write(a_result(index))
        path.unlink()
        output.write(a_result(8))
    assert (len(read(old)), len(read(path))) == (5, 1)
    assert read(old)[0].time == read(path)[0].time == 0


# Pictures


def test_pictures_keep_their_names_or_are_numbered(tmp_path):
    with Pictures(tmp_path / "out") as output:
        output.write(a_result(0, name="a.png"))
        output.write(a_result(13, name="b.mkv"))
        output.write(a_result(12))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["000012.jpg", "a.png", "b-000013.jpg"]
    assert read_picture(tmp_path / "out" / "a.png").shape == (120, 160, 3)


def test_any_name_of_a_frame_becomes_the_name_of_a_picture(tmp_path):
    with Pictures(tmp_path) as output:
        for name in ("kitchen", "cam.1", "../up.png", os.fsdecode(b"caf\xe9.png")):
            output.write(a_result(name=name))
    names = sorted(os.fsencode(path.name) for path in tmp_path.iterdir())
    assert names == [b"caf\xe9.png", b"cam-000000.jpg", b"kitchen-000000.jpg", b"up.png"]


def test_the_longest_names_become_names_of_pictures(tmp_path):
    names = ["a" * 251 + ".jpg", "b" * 251 + ".mkv", "é" * 125 + ".mkv"]
    with Pictures(tmp_path) as output:
        for index, name in enumerate(names):
            output.write(a_result(index, name=name))
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["a" * 251 + ".jpg", "b" * 244 + "-000001.jpg", "é" * 122 + "-000002.jpg"]


def test_pictures_of_two_runs_do_not_mix(tmp_path):
    (tmp_path / "notes.txt").touch()
    with Pictures(tmp_path) as output:
        with pytest.raises(OutputError, match="is being written already"):
            Pictures(tmp_path)
        output.write(a_result())
    with pytest.raises(OutputError, match="this output is closed"):
        output.write(a_result())
    with pytest.raises(UsageError, match="holds pictures, which the new ones would mix with; name another folder"):
        Pictures(tmp_path)


def test_pictures_are_brought_to_the_disk_once_a_second_and_at_the_end(tmp_path, monkeypatch):
    synced, now = [], [0.0]
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    output = Pictures(tmp_path, clock=lambda: now[0])

    def written(seconds):
        """Write a picture, and return the names of what was brought to the disk."""
        synced.clear()
        now[0] = seconds
        output.write(a_result(int(10 * seconds)))
        return [path.name for path in synced]

    folder = tmp_path.name
    assert [written(seconds) for seconds in (0, 0.5, 0.9, 1.0, 1.5)] == [
        ["000000.jpg", folder],
        [],
        [],
        ["000005.jpg", "000009.jpg", "000010.jpg", folder],
        [],
    ]
    (tmp_path / "000015.jpg").rename(tmp_path / "moved.jpg")
    output.close()
    output.close()
    assert synced == [tmp_path]


def test_a_picture_holds_the_newest_frame(tmp_path):
    with Picture(tmp_path / "out.png") as output:
        output.write(a_result(0, value=10))
        output.write(a_result(1, value=77))
    assert (cv2.imread(str(tmp_path / "out.png")) == 77).all()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("out.MP4", AnnotatedVideo), ("out.jpg", Picture), ("out", Pictures)],
)
def test_the_name_chooses_the_output(tmp_path, name, kind):
    with open_annotated(tmp_path / name, 20) as output:
        assert type(output) is kind


def test_an_existing_folder_is_one_whatever_its_name(tmp_path):
    (tmp_path / "run.2").mkdir()
    assert isinstance(open_annotated(tmp_path / "run.2"), Pictures)


def test_the_source_is_never_overwritten(tmp_path):
    photo = tmp_path / "photo.jpg"
    cv2.imwrite(str(photo), np.zeros((8, 8, 3), np.uint8))
    for path, source in ((photo, photo), (tmp_path, str(tmp_path))):
        with pytest.raises(UsageError, match="is the source itself"):
            open_annotated(path, source=source)
    assert isinstance(open_annotated(tmp_path / "out.jpg", source=photo), Picture)
    assert isinstance(open_annotated(tmp_path / "out.jpg", source=0), Picture)


def test_no_name_of_the_source_or_of_another_output_is_written(tmp_path):
    shots = tmp_path / "shots"
    shots.mkdir()
    photo, link, symlink, new = shots / "photo.jpg", tmp_path / "link.jpg", tmp_path / "symlink.jpg", tmp_path / "new"
    photo.touch()
    link.hardlink_to(photo)
    symlink.symlink_to(photo)
    (tmp_path / "way").symlink_to(shots)
    for source, output in [
        (photo, link),
        (photo, symlink),
        (link, photo),
        (shots, link),
        (shots, tmp_path / "way"),
        (tmp_path / "way", shots / "new.mp4"),
    ]:
        with pytest.raises(UsageError, match="is the source itself or would write into it"):
            refuse_overwriting(source, tmp_path / "other", output)
    for first, second in [(link, photo), (new, tmp_path / "way" / ".." / "new")]:
        with pytest.raises(UsageError, match="are one file; give each output a file of its own"):
            refuse_overwriting("virtual:", first, second)
    refuse_overwriting(photo, shots / "new.jpg", tmp_path / "new.jsonl", tmp_path)
    refuse_overwriting("rtsp://host/x", new / "lines.jsonl", new)
