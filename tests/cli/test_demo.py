import sys

import pytest

from ferlite import open_source
from ferlite.cli.app import main
from ferlite.cli.demo import Truth
from ferlite.cli.summary import Summary
from ferlite.device.pipeline import Pipeline
from ferlite.device.sources.virtual import VirtualCamera


def demo(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["ferlite", "demo", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code


def test_the_demo_writes_a_video_and_says_what_it_saw(tmp_path, monkeypatch, capsys):
    assert demo(monkeypatch, "--frames", 12, "--out", tmp_path / "demo.mp4") == 0
    shown = capsys.readouterr().out
    assert "12 frames, " in shown
    assert "24 faces of 2 people" in shown
    assert "of 24 faces drawn, 24 were found" in shown
    assert "landmarks" in shown
    with open_source(tmp_path / "demo.mp4") as clip:
        assert len(list(clip)) == 12


def test_the_demo_compares_live_drawn_faces_with_how_they_were_drawn(tmp_path, monkeypatch, capsys):
    live = "virtual:faces=1,live=true"
    assert demo(monkeypatch, "--source", live, "--frames", 3, "--out", tmp_path / "demo.mp4") == 0
    assert "of 3 faces drawn, 3 were found" in capsys.readouterr().out


def test_the_demo_takes_a_photo_and_claims_no_truth_about_it(tmp_path, monkeypatch, capsys, media):
    photo = media / "two_people.jpg"
    assert demo(monkeypatch, "--source", photo, "--out", tmp_path / "photo.jpg") == 0
    shown = capsys.readouterr().out
    assert "1 frame, 2 faces" in shown
    assert "drawn" not in shown
    assert (tmp_path / "photo.jpg").stat().st_size > 10_000


def test_truth_counts_what_was_found_and_named_as_drawn(model_path):
    with Pipeline.open(VirtualCamera(faces=2, frames=3), model=model_path) as pipeline:
        truth, summary = Truth(pipeline.source), Summary()
        pipeline.run(truth, summary)
    assert (truth.drawn, truth.found) == (6, 6)
    assert truth.named <= truth.found
    assert summary.faces == sum(summary.labels.values()) == 6
