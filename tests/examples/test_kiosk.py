"""The kiosk runs as people run it: in a process and a folder of its own."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import ferlite

KIOSK = Path(ferlite.__file__).parent / "examples" / "kiosk.py"


def coupons(source, folder):
    done = subprocess.run([sys.executable, KIOSK, source], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("camera: running ", "camera: ended ")
    return [line for line in lines if re.fullmatch(r"What a smile! 1\.\d s\. Your coupon: [0-9a-f]{8}", line)]


def test_a_drawn_face_that_smiles_once_gets_one_coupon(tmp_path):
    assert len(coupons("virtual:frames=75", tmp_path)) == 1
    hours = list(csv.DictReader((tmp_path / "kiosk.csv").read_text().splitlines()))
    assert [sum(int(hour[name]) for hour in hours) for name in ("people", "left", "held happy")] == [1, 1, 1]


def test_a_face_that_does_not_smile_gets_no_coupon(tmp_path):
    assert coupons("virtual:frames=30", tmp_path) == []


def test_a_person_who_smiles_through_a_clip_gets_one_coupon(media, tmp_path):
    assert len(coupons(media / "head-pose-face-detection-male.gif", tmp_path)) == 1


def test_people_who_do_not_smile_get_no_coupon(media, tmp_path):
    assert coupons(media / "head-pose-face-detection-female-and-male.gif", tmp_path) == []


def test_it_fits_on_a_page():
    assert len(KIOSK.read_text().splitlines()) <= 30
