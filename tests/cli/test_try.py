"""`ferlite models try`: two models on the same faces, and the switch."""

import cv2
import numpy as np
import pytest

from ferlite import VirtualCamera
from ferlite.cli import config_file
from ferlite.cli.app import main
from ferlite.cli.run import run

FILE = """\
# Our kiosk.
source = "virtual:frames=5,faces=2"
model = ["ferlite-m-ferplus"]   # the default
web-port = 9000
"""


@pytest.fixture
def tried(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ferlite.toml").write_text(FILE)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["ferlite", "models", "try", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, " ".join((printed.out + printed.err).split())

    return call


def test_agreement_and_time_are_printed_and_nothing_is_changed(tried, tmp_path):
    code, said = tried("ferlite-m")
    assert code == 0
    assert "of 10 readings; ms for a face: ferlite-m-ferplus" in said
    assert (tmp_path / "ferlite.toml").read_text() == FILE


def test_faces_are_looked_at_as_the_file_has_the_camera(tried, tmp_path):
    (tmp_path / "ferlite.toml").write_text('source = "lying.png"\nrotate = 90\n')
    with VirtualCamera() as camera:
        cv2.imwrite("lying.png", np.rot90(camera.frame(0).image))
    code, said = tried("ferlite-m")
    assert (code, "of 1 readings" in said) == (0, True), said


def test_the_file_names_the_new_model_after_a_switch(tried, tmp_path):
    assert tried("ferlite-m", "--switch")[0] == 0
    changed = (tmp_path / "ferlite.toml").read_text()
    assert changed.splitlines()[2] == 'model = ["ferlite-m"]'
    assert changed.replace('model = ["ferlite-m"]', FILE.splitlines()[2]) == FILE
    assert config_file.load(tmp_path / "ferlite.toml", run)["model"] == ["ferlite-m"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ferlite-m-ferplus"], "names ferlite-m-ferplus already"),
        (["ferlite-x"], "no model 'ferlite-x'"),
        (["ferlite-m", "--config", "none.toml"], "none.toml"),
    ],
)
def test_what_can_t_be_tried_is_named(arguments, words, tried):
    code, said = tried(*arguments)
    assert code
    assert words in said


def test_without_a_face_there_is_no_switch(tried, tmp_path):
    (tmp_path / "ferlite.toml").write_text('source = "virtual:frames=5,faces=0"\n')
    code, said = tried("ferlite-m", "--switch")
    assert (code, "no face was read" in said) == (1, True)
    assert "model" not in (tmp_path / "ferlite.toml").read_text()


def test_an_option_that_is_not_in_the_file_is_added(tmp_path):
    path = tmp_path / "ferlite.toml"
    path.write_text("# model = ['x']\nweb-port = 1\n")
    config_file.change(path, "model", ["ferlite-m"], run)
    assert path.read_text() == "model = [\"ferlite-m\"]\n# model = ['x']\nweb-port = 1\n"


def test_a_changed_file_stays_where_it_is_and_closed_to_others(tmp_path):
    kept, path = tmp_path / "kept.toml", tmp_path / "ferlite.toml"
    kept.write_text("web-port = 1\n")
    kept.chmod(0o640)
    path.symlink_to(kept)
    config_file.change(path, "web-port", 2, run)
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("web-port = 2\n", 0o640)
    assert path.is_symlink()


def test_a_value_over_several_lines_is_left_to_its_owner(tried, tmp_path):
    text = 'source = "virtual:frames=5"\nmodel = [\n  "ferlite-m-ferplus",\n]\n'
    (tmp_path / "ferlite.toml").write_text(text)
    code, said = tried("ferlite-m", "--switch")
    assert code
    assert 'write model = ["ferlite-m"] into it yourself' in said
    assert (tmp_path / "ferlite.toml").read_text() == text
