"""Names that are not UTF-8 or not ASCII; in a process of its own, because such a name has ended it."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

NOT_UTF8 = os.fsdecode(b"b\xff")
OPEN = """
import sys
from ferlite.device.sources.open import open_source
from ferlite.errors import FerliteError
try:
    with open_source(sys.argv[1]) as source:
        print([(ascii(frame.name), frame.image.shape) for frame in source])
except FerliteError as error:
    print(type(error).__name__, ascii(str(error)))
"""
READ = """
import sys
from ferlite.data.pictures import read_grey
print(read_grey(sys.argv[1]).shape)
"""


def run(program, path, **environment):
    line = [sys.executable, "-c", program, os.fsencode(path)]
    done = subprocess.run(line, capture_output=True, env=os.environ | environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


@pytest.fixture
def picture(tmp_path):
    """Writes a picture under any name."""

    def write(name):
        (tmp_path / name).write_bytes(cv2.imencode(".png", np.zeros((4, 6, 3), np.uint8))[1].tobytes())
        return tmp_path / name

    return write


@pytest.fixture
def clip(tmp_path):
    """Writes a clip of two frames under any name."""

    def write(name):
        writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
        for _ in range(2):
            writer.write(np.zeros((48, 64, 3), np.uint8))
        writer.release()
        return (tmp_path / "a.avi").rename(tmp_path / name)

    return write


def test_a_picture_whose_name_is_not_utf8_is_read(picture):
    path = picture(f"{NOT_UTF8}.png")
    assert run(OPEN, path) == repr([(ascii(path.name), (4, 6, 3))])
    assert run(OPEN, path.parent) == repr([(ascii(path.name), (4, 6, 3))])
    assert run(READ, path) == "(48, 48)"


def test_a_clip_whose_name_is_not_utf8_is_refused_with_the_remedy(clip):
    output = run(OPEN, clip(f"{NOT_UTF8}.avi"))
    assert output.startswith("SourceError")
    assert all(words in output for words in ("udcff.avi", "not UTF-8", "rename it"))


def test_a_device_whose_name_is_not_utf8_is_refused():
    assert "not UTF-8" in run(OPEN, f"usb:/dev/{NOT_UTF8}")


@pytest.mark.parametrize("utf8_mode", ["0", "1"])
def test_names_with_accents_work_in_the_c_locale(picture, clip, utf8_mode):
    locale = {"LC_ALL": "C", "PYTHONUTF8": utf8_mode, "PYTHONCOERCECLOCALE": "0"}
    assert run(OPEN, picture("größe.png"), **locale).endswith("(4, 6, 3))]")
    assert run(OPEN, clip("größe.avi"), **locale) == repr([("''", (48, 64, 3))] * 2)
