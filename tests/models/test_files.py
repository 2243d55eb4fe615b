import os
from pathlib import Path

import pytest

from ferlite.errors import MissingFileError, OutputError
from ferlite.models.files import read_bytes, replacing, write_bytes, write_json


def half_write(path, error):
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        raise error


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = write_bytes(tmp_path / "result.json", b"old")
    with pytest.raises(RuntimeError):
        half_write(path, RuntimeError)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_nothing_half_written(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        half_write(tmp_path / "new.txt", KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_file_keeps_the_suffix(tmp_path):
    with replacing(tmp_path / "curves.png") as temporary:
        assert temporary.suffix == ".png"
        temporary.write_bytes(b"x")


def test_missing_folders_are_made(tmp_path):
    assert write_json(tmp_path / "a" / "b.json", {"é": 1}).read_text() == '{\n  "é": 1\n}\n'


def test_a_full_disk_is_an_error_that_names_file_and_remedy(tmp_path):
    def fill():
        with replacing(tmp_path / "big.bin"):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"big\.bin: No space left on device; check free space"):
        fill()


def test_a_file_in_the_place_of_a_folder_is_an_output_error(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(OutputError, match="runs"):
        write_bytes(tmp_path / "runs" / "x", b"")


def test_reading_what_is_not_there_names_the_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"nothing\.csv"):
        read_bytes(tmp_path / "nothing.csv")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    for path in (tmp_path / "a.csv", "/dev/zero"):
        with pytest.raises(MissingFileError, match="it is a pipe, socket or device; save what comes from it"):
            read_bytes(path)


@pytest.mark.parametrize("name", ["a" * 251 + ".txt", "é" * 125 + ".json", "a." + "b" * 253])
def test_the_longest_names_are_written(tmp_path, name):
    assert write_bytes(tmp_path / name, b"x").read_bytes() == b"x"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def steps(monkeypatch):
    """What was brought to the disk and renamed, in this order."""
    taken, replace = [], os.replace

    def record_fsync(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        taken.append(("sync", path.name if path.is_dir() else path.read_bytes()))

    def record_replace(source, target):
        taken.append(("rename", Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    return taken


def test_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(tmp_path, steps):
    write_bytes(tmp_path / "runs" / "one" / "a.json", b"new")
    folders = [("sync", "runs"), ("sync", tmp_path.name)]
    assert steps == [*folders, ("sync", b"new"), ("rename", "a.json"), ("sync", "one")]


def test_what_need_not_last_is_not_waited_for(tmp_path, steps):
    write_bytes(tmp_path / "a.jpg", b"new", durable=False)
    assert steps == [("rename", "a.jpg")]


def test_a_disk_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(5, "Input/output error")

    path = write_bytes(tmp_path / "a.json", b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=r"a\.json: Input/output error"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
