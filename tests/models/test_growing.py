import os
import subprocess
import sys
from pathlib import Path

import pytest

from ferlite.errors import OutputError
from ferlite.models import growing
from ferlite.models.growing import GrowingFile, Lines


@pytest.fixture
def synced(monkeypatch):
    """What each fsync found in its file; nothing of a folder."""
    found = []

    def fsync(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}")
        found.append(b"" if path.is_dir() else path.read_bytes())

    monkeypatch.setattr(os, "fsync", fsync)
    return found


@pytest.fixture
def timers(monkeypatch):
    """The timers that were started; a test calls their function when their time has come."""
    started = []

    class FakeTimer:
        def __init__(self, seconds, function):
            self.seconds, self.function = seconds, function

        def start(self):
            started.append(self)

        def cancel(self):
            pass

        def join(self):
            pass

    monkeypatch.setattr(growing, "Timer", FakeTimer)
    return started


def test_what_was_appended_is_on_the_disk_a_second_later(tmp_path, synced, timers):
    file = GrowingFile(tmp_path / "new" / "file")
    synced.clear()
    file.append(b"1")
    file.append(b"2")
    assert synced == []
    assert [timer.seconds for timer in timers] == [1]
    timers[0].function()
    assert synced == [b"12"]
    file.append(b"3")
    assert len(timers) == 2
    file.close()
    assert synced == [b"12", b"123"]


def test_what_comes_while_the_disk_is_busy_is_brought_there_next(tmp_path, monkeypatch, timers):
    with_more = iter([b"2", b"3"])
    file = GrowingFile(tmp_path / "file")
    monkeypatch.setattr(os, "fsync", lambda descriptor: file.append(next(with_more)))
    file.append(b"1")
    timers[0].function()
    assert len(timers) == 2
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    timers[1].function()
    assert len(timers) == 2
    file.close()


def test_each_piece_can_be_on_the_disk_at_once(tmp_path, synced, timers):
    file = GrowingFile(tmp_path / "file", every_piece=True)
    synced.clear()
    file.append(b"1")
    file.append(b"2")
    assert synced == [b"1", b"12"]
    assert timers == []
    file.close()


def test_a_disk_that_fails_later_is_an_error_of_the_next_piece(tmp_path, monkeypatch, timers):
    def fail(descriptor):
        raise OSError(5, "Input/output error")

    file = GrowingFile(tmp_path / "file")
    file.append(b"1")
    monkeypatch.setattr(os, "fsync", fail)
    timers[0].function()
    with pytest.raises(OSError, match="Input/output"):
        file.append(b"2")
    file.append(b"3")
    with pytest.raises(OSError, match="Input/output"):
        file.close()
    assert (tmp_path / "file").read_bytes() == b"13"


def test_a_file_is_written_by_one_program_alone(tmp_path):
    path = tmp_path / "file"
    program = "import sys; from ferlite.models.growing import GrowingFile; GrowingFile(sys.argv[1])"
    command = [sys.executable, "-c", program, str(path)]
    file = GrowingFile(path)
    file.append(b"mine")
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert f"OutputError: {path} is being written already" in run.stderr
    with pytest.raises(OutputError, match="is being written already"):
        GrowingFile(path)
    file.close()
    assert subprocess.run(command, check=False).returncode == 0
    assert path.read_bytes() == b"mine"


def test_a_pipe_and_a_device_are_shared_and_not_looked_for_again(tmp_path):
    first, second = GrowingFile("/dev/null"), GrowingFile("/dev/null")
    for file in (first, second):
        file.append(b"x")
        assert not file.moved
        file.close()
    read, write = os.pipe()
    file = GrowingFile(write)
    file.append(b"x")
    file.close()
    os.write(write, b"y")
    assert os.read(read, 9) == b"xy"
    os.close(read)
    os.close(write)


def test_a_pipe_that_does_not_wait_gets_all_of_it(tmp_path):
    program = "import sys; from ferlite.models.growing import GrowingFile; GrowingFile(1).append(bytes(300_000))"
    read, write = os.pipe()
    os.set_blocking(write, False)
    with subprocess.Popen([sys.executable, "-c", program], stdout=write) as child:
        os.close(write)
        with os.fdopen(read, "rb") as reader:
            assert reader.read() == bytes(300_000)
    assert child.returncode == 0


# Lines


def lines_of(path):
    return path.read_text().splitlines()


@pytest.mark.parametrize("left", ['{"fra', "\0" * 70_000, '{"' + "x" * 200_000])
def test_an_unfinished_line_is_cut_off_at_the_next_start(tmp_path, left, caplog):
    path = tmp_path / "a.jsonl"
    path.write_text("{1}\n{2}\n" + left)
    lines = Lines(path, begin="{")
    assert f"cut off an unfinished line of {len(left)} bytes" in caplog.text
    lines.write("{3}")
    lines.close()
    assert lines_of(path) == ["{1}", "{2}", "{3}"]


@pytest.mark.parametrize("content", ["", "\0" * 9, "{un", "{1}\n"])
def test_a_file_of_whole_lines_or_none_is_gone_on_with(tmp_path, content, caplog):
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    for number in (2, 3):
        lines = Lines(path, begin="{")
        lines.write(f"{{{number}}}")
        lines.close()
    assert lines_of(path) == [*content.splitlines()[: content.count("\n")], "{2}", "{3}"]


def test_a_file_that_holds_something_else_is_left_alone(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8 a photo")
    with pytest.raises(OutputError, match=r"photo\.jpg holds no lines"):
        Lines(path, begin="{")
    assert path.read_bytes() == b"\xff\xd8 a photo"


def test_lines_go_on_under_the_name_when_the_file_is_renamed_or_removed(tmp_path, monkeypatch):
    path, old = tmp_path / "logs" / "a.jsonl", tmp_path / "a.jsonl.1"
    monkeypatch.chdir(tmp_path)
    lines = Lines(Path("logs/a.jsonl"), begin="{")
    monkeypatch.chdir("/")
    lines.write("{1}")
    path.rename(old)
    lines.write("{2}")
    assert (lines_of(old), lines_of(path)) == (["{1}"], ["{2}"])
    path.unlink()
    path.parent.rmdir()
    lines.write("{3}")
    lines.write("{4}")
    assert lines_of(path) == ["{3}", "{4}"]
    lines.close()


def test_a_file_is_itself_also_where_file_systems_number_it_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "samestat", lambda one, other: False)
    file = GrowingFile(tmp_path / "file")
    file.append(b"x")
    assert not file.moved
    file.close()


def test_a_file_that_was_emptied_in_place_goes_on_from_its_beginning(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = Lines(path, begin="{")
    lines.write("{1}")
    path.write_text("")
    lines.write("{2}")
    assert path.read_text() == "{2}\n"
    lines.close()


def test_a_full_disk_leaves_whole_lines(tmp_path):
    program = """
import resource, sys
from ferlite.models.growing import Lines
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
lines = Lines(sys.argv[1], begin="{")
for _ in range(9):
    lines.write("{" + "x" * 30)
"""
    path = tmp_path / "a.jsonl"
    run = subprocess.run([sys.executable, "-c", program, path], check=False, capture_output=True, text=True)
    assert "File too large" in run.stderr
    assert path.read_text() == 3 * ("{" + "x" * 30 + "\n")
