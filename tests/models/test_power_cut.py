"""What is on the disk when the power goes: the image of a mounted file system, copied while it is in use."""

import os
import shutil
import subprocess

import pytest

from ferlite.models.files import replacing, write_bytes
from ferlite.models.growing import Lines


def attempt(*command):
    return shutil.which(command[0]) and not subprocess.run(command, check=False, capture_output=True).returncode


@pytest.fixture
def disk(tmp_path):
    """A small file system, and a function that gives what a power cut would leave of it."""
    image, folder, left = tmp_path / "disk.img", tmp_path / "disk", tmp_path / "left"
    image.touch()
    os.truncate(image, 4 << 20)
    folder.mkdir()
    left.mkdir()
    if os.geteuid() or not attempt("mkfs.ext4", "-q", image) or not attempt("mount", "-o", "loop", image, folder):
        pytest.skip("file systems can't be mounted here")

    def cut():
        copy = shutil.copy(image, tmp_path / "copy.img")
        assert attempt("mount", "-o", "loop", copy, left)
        try:
            return {path.relative_to(left): path.read_bytes() for path in left.rglob("*") if path.is_file()}
        finally:
            attempt("umount", left)

    yield folder, lambda: {str(name): content for name, content in cut().items()}
    attempt("umount", folder)


def test_whole_files_and_lines_survive_a_power_cut(disk):
    folder, cut = disk
    write_bytes(folder / "runs/a/metrics.json", b"first")
    write_bytes(folder / "runs/a/metrics.json", b"second")
    lines = Lines(folder / "new/lines.jsonl", begin="{", every_line=True)
    lines.write("{1}")
    lines.write("{2}")
    (folder / "unsynced").write_text("lost")
    with replacing(folder / "half") as temporary:
        temporary.write_bytes(b"half")
        left = cut()
    lines.close()
    assert left == {"runs/a/metrics.json": b"second", "new/lines.jsonl": b"{1}\n{2}\n"}
