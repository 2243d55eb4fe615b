import json

import cv2
import numpy as np
import pytest

from ferlite.benchmarks import events as bench
from ferlite.benchmarks.faces import CLIPS
from ferlite.device.classifier import Classifier
from ferlite.device.events import EventRules
from ferlite.device.sources.open import open_source
from ferlite.device.sources.virtual import VirtualCamera, VirtualFace
from ferlite.device.tracks import Smoothing
from ferlite.device.types import Expression, Face
from ferlite.errors import MissingFileError, UsageError

LABELS = ("happy", "sad")


def face(x=0.0):
    return Face((x, 0.0, 50.0, 50.0), 0.9, np.zeros((5, 2), np.float32))


def showing(label):
    return Expression(LABELS, np.array([label == name for name in LABELS], np.float32))


def seen(index, *faces):
    """A frame with faces, each by its place and label."""
    return bench.Seen(index / bench.RATE, [face(x) for x, _ in faces], [[showing(label)] for _, label in faces])


def test_the_delay_of_a_label_is_measured_from_the_change_in_the_drawing():
    truth = [VirtualFace("happy" if i < 45 else "sad", 1, "", (0, 0, 50, 50)) for i in range(90)]
    late = [seen(i, (0.0, "happy" if i < 48 else "sad")) for i in range(90)]
    unsmoothed = bench.delays("none", Smoothing(time_constant=0), [(late, truth)], {"clip": late})
    assert (unsmoothed["changes"], unsmoothed["shown"]) == (1, 1)
    assert unsmoothed["median"] == pytest.approx(0.2)
    assert unsmoothed["labels_per_minute"] == pytest.approx(10)  # one in six seconds
    assert unsmoothed["clips"]["clip"] == pytest.approx(10)
    smoothed = bench.delays("calm", Smoothing(), [(late, truth)], {})
    assert (smoothed["median"] or 0) > 0.2
    never = bench.delays("none", Smoothing(), [([seen(i, (0.0, "happy")) for i in range(90)], truth)], {})
    assert (never["shown"], never["median"]) == (0, None)


def test_a_label_of_a_moment_is_brief():
    truth = [VirtualFace("happy", 1, "", (0, 0, 50, 50))] * 90
    odd = [seen(i, (0.0, "sad" if i in (30, 31) else "happy")) for i in range(90)]
    row = bench.delays("none", Smoothing(time_constant=0), [(odd, truth)], {})
    assert (row["changes"], row["labels_per_minute"], row["brief_per_minute"]) == (0, 20, 10)


def test_who_is_announced_without_being_there_is_counted():
    clip = [seen(i, (0.0, "happy"), *([(300.0, "sad")] if i in (10, 11) else [])) for i in range(30)]
    rows = [bench.announced(confirm, [(1, clip)], [(1, clip), (1, clip)]) for confirm in (1, 2, 3)]
    assert [row["false"] for row in rows] == [1, 1, 0]
    assert [row["false_varied"] for row in rows] == [2, 2, 0]
    assert [row["people"] for row in rows] == [1, 1, 1]
    assert [row["delay"] for row in rows] == pytest.approx([0, 1 / 15, 2 / 15])


def test_on_the_shared_clips_no_hand_and_no_second_box_is_announced(real_data):
    classifier = Classifier.load()
    clips = [(faces, bench.look(open_source(real_data / "media" / name), classifier)) for name, faces in CLIPS.items()]
    row = bench.announced(EventRules().confirm, clips, [])
    assert (row["false"], row["people"]) == (0, sum(CLIPS.values()))
    assert (row["delay"] or 1) <= 0.3
    assert bench.announced(1, clips, [])["false"] > 0


def test_drawn_faces_and_clips_are_measured(tmp_path, monkeypatch):
    (tmp_path / "media").mkdir()
    writer = cv2.VideoWriter(str(tmp_path / "media" / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480))
    for frame in VirtualCamera(faces=2, frames=8):
        writer.write(frame.image)
    writer.release()
    monkeypatch.setattr(bench, "CLIPS", {"clip.avi": 2})
    result = bench.measure(tmp_path, persons=1, seconds=6)
    assert [row["smoothing"] for row in result["smoothing"]] == ["none", "quick", "calm", "steady"]
    assert {row["changes"] for row in result["smoothing"]} == {2}
    assert [(row["false"], row["people"]) for row in result["confirm"]] == [(0, 2)] * 6
    json.dumps(result)


def test_what_is_missing_or_out_of_range_is_named(tmp_path):
    with pytest.raises(MissingFileError, match="clips in media"):
        bench.measure(tmp_path, persons=1, seconds=4)
    with pytest.raises(UsageError, match="persons is 0"):
        bench.measure(persons=0)
