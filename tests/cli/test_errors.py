"""Every command, given what users really give it: one line that names the thing and the remedy, no traceback."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from ferlite.cli.app import main
from ferlite.cli.errors import reported
from ferlite.device.sources.virtual import VirtualCamera

FACE = " ".join(["7"] * 2304)


@pytest.fixture
def place(tmp_path, monkeypatch, graph, model_path):
    """A folder full of what can be wrong, and the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "column.csv").write_text(f"emotion,image,Usage\n3,{FACE},Training\n")
    (tmp_path / "row.csv").write_text(f"emotion,pixels,Usage\n3,{FACE},Training\n9,{FACE},Training\n")
    (tmp_path / "empty.csv").write_text("emotion,pixels,Usage\n")
    (tmp_path / "good.csv").write_text("emotion,pixels,Usage\n" + f"3,{FACE},PublicTest\n" * 3)
    for name in ("empty/happy", "undecodable/happy", "label/hapy", "nothing", "unfinished"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "undecodable/happy/a.png").write_text("not a picture")
    (tmp_path / "label/hapy/a.png").write_bytes(cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes())
    (tmp_path / "photo.jpg").write_text("not a picture")
    (tmp_path / "clip.mp4").write_bytes(b"\0" * 5000)
    (tmp_path / "good.png").write_bytes(cv2.imencode(".png", np.zeros((90, 90, 3), np.uint8))[1].tobytes())
    (tmp_path / "mine.toml").write_text('name = "mine"\nnetwork = "small"\nepochs = 1\nbatches = 3\n')
    (tmp_path / "foreign.tflite").write_bytes(graph)
    (tmp_path / "cut.tflite").write_bytes(model_path.read_bytes()[:-50])
    (tmp_path / "file").touch()
    (tmp_path / "network.toml").write_text('name = "mine"\nnetwork = "smal"\nepochs = 1\n')
    (tmp_path / "shots").mkdir()
    (tmp_path / "shots/a.png").write_bytes((tmp_path / "good.png").read_bytes())
    (tmp_path / "votes.toml").write_text('name = "mine"\nnetwork = "small"\nepochs = 1\nvotes = "soft"\n')
    (tmp_path / "votes.csv").write_text("Usage,Image name,neutral\n")
    taught = '[distillation]\nteachers = ["damaged"]\n'
    (tmp_path / "taught.toml").write_text('name = "mine"\nnetwork = "small"\nepochs = 1\n' + taught)
    (tmp_path / "legend.csv").write_text("user.id,image,emotion\n")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/run.json").write_text("{}")
    (tmp_path / "other").mkdir()
    recipe = 'name = "other"\nnetwork = "small"\nepochs = 1\n'
    (tmp_path / "other/recipe.toml").write_text(recipe)
    data = {"name": "eigenfaces", "path": "eigenfaces", "sha256": "0", "faces": {}}
    info = {"recipe": "other", "data": data, "labels": ["happy", "sad"], "versions": {}}
    (tmp_path / "other/run.json").write_text(json.dumps(info | {"epochs_done": 0}))
    return tmp_path


CASES = {
    "train: no data set": ("train --recipe small-x --data x.csv", "no recipe 'small-x'; "),
    "train: unknown recipe": ("train --recipe keras-cn --data good.csv", "did you mean 'keras-cnn'"),
    "train: unknown key in a recipe": ("train --recipe mine.toml --data good.csv", "'batches'; did you mean 'batch'"),
    "train: missing recipe file": ("train --recipe no.toml --data good.csv", "can't read no.toml: No such file"),
    "train: missing file": ("train --recipe quickstart --data none.csv", "no data set at none.csv"),
    "train: wrong column": ("train --recipe quickstart --data column.csv", "column.csv lacks the column pixels"),
    "train: bad row": ("train --recipe quickstart --data row.csv", "row.csv, line 3: emotion 9 is not one of 0 to 6"),
    "train: empty data set": ("train --recipe quickstart --data empty.csv", "empty.csv holds no rows; "),
    "train: empty class folder": ("train --recipe quickstart --data empty", "empty/happy holds no pictures"),
    "train: undecodable picture": ("train --recipe quickstart --data undecodable", "a.png does not decode"),
    "train: unknown label": ("train --recipe quickstart --data label", "'hapy'; did you mean 'happy'"),
    "train: no class folders": ("train --recipe quickstart --data nothing", "no class folders"),
    "train: no options": ("train", "needs --recipe and --data"),
    "train: split missing": ("train --recipe quickstart --data good.csv", "no split 'train'; known: validation"),
    "train: file in the way": ("train --recipe quickstart --data eigenfaces --out file/run", "can't write file/run"),
    "train: unreadable file": ("train --recipe quickstart --data /proc/self/mem", "/proc/self/mem"),
    "train: another run's folder": ("train --recipe quickstart --data eigenfaces --out other", "another recipe"),
    "train: unknown network": ("train --recipe network.toml --data eigenfaces", "'smal'; did you mean 'small'"),
    "train: missing extra data": ("train --recipe quickstart --data eigenfaces --extra no.csv", "data set at no.csv"),
    "train: votes missing": ("train --recipe votes.toml --data eigenfaces", "give --votes fer2013new.csv"),
    "train: votes not there": ("train --recipe quickstart --data eigenfaces --votes none.csv", "can't read none.csv"),
    "train: no votes": ("train --recipe votes.toml --data eigenfaces --votes votes.csv", "votes.csv lacks the column"),
    "train: damaged teacher": ("train --recipe taught.toml --data eigenfaces", "damaged/run.json is damaged"),
    "train: unknown strategy": ("train --recipe quickstart --data eigenfaces --strategy mirror", "mean 'mirrored'"),
    "train: empty legend": ("train --recipe quickstart --data .", "legend.csv lists no pictures"),
    "runs: missing folder": ("runs none", "there is no folder none; 'ferlite train' makes"),
    "train: no run to start from": ("train --recipe quickstart --data eigenfaces --out new --start no", "nothing at"),
    "study: unknown": ("study six-clas --data good.csv", "'six-clas'; did you mean 'six-class'"),
    "study: no data": ("study six-class", "needs a name and --data"),
    "study: weights": ("study transfer --data good.csv --weights some", "give NETWORK=FILE, or none"),
    "data: missing file": ("data none.csv", "no data set at none.csv"),
    "convert: damaged run": ("convert damaged", "damaged/run.json is damaged: recipe: Field required"),
    "convert: unfinished run": ("convert other", "is not finished"),
    "convert: data gone": ("convert other --data none.csv", "no data set at none.csv"),
    "convert: no run": ("convert unfinished", "can't read unfinished/run.json: No such file"),
    "convert: unknown method": ("convert unfinished --method max-min", "no calibration method 'max-min'; known: "),
    "bench accuracy: missing model": ("bench accuracy no.tflite --data good.csv", "no.tflite"),
    "bench accuracy: unknown model": ("bench accuracy yuned --data good.csv", "'yuned'; did you mean 'yunet'"),
    "bench accuracy: no record": ("bench accuracy foreign.tflite --data good.csv", "has no ferlite record"),
    "bench accuracy: damaged": ("bench accuracy cut.tflite --data good.csv", "cut.tflite: the file"),
    "bench accuracy: not for faces": ("bench accuracy onet --data good.csv", "not an expression classifier"),
    "bench accuracy: missing data": ("bench accuracy tiny.tflite --data no.csv", "no data set at no.csv"),
    "bench accuracy: test split": ("bench accuracy tiny.tflite --data good.csv --split test", "give --final LOG"),
    "bench accuracy: unknown split": ("bench accuracy tiny.tflite --data good.csv --split tset", "did you mean 'test'"),
    "bench latency: missing model": ("bench latency no.tflite", "no.tflite"),
    "models: unknown": ("models show ferlit-m", "'ferlit-m'; did you mean 'ferlite-m'"),
    "models: no record": ("models show foreign.tflite", "carries no ferlite record"),
    "bench accuracy: all of it": ("bench accuracy tiny.tflite --data good.csv --split all --votes no.csv", "no.csv"),
    "bench accuracy: a part of the last look": (
        "bench accuracy tiny.tflite --data good.csv --final log.jsonl --labels happy", "leave out --split, --limit and"
    ),
    "bench latency: threads": ("bench latency tiny.tflite --threads 4-1", "--threads is '4-1'"),
    "bench pipeline: missing source": ("bench pipeline no.mp4 --model tiny.tflite", "no file or folder 'no.mp4'"),
    "bench compare: missing result": ("bench compare no.json no.json", "can't read no.json"),
    "bench compare: no result": ("bench compare good.csv good.csv", "good.csv is no result of ferlite"),
    "run: missing source": ("run --source no.mp4 --model tiny.tflite", "no file or folder 'no.mp4'"),
    "run: undecodable picture": ("run --source photo.jpg --model tiny.tflite", "photo.jpg"),
    "run: undecodable clip": ("run --source clip.mp4 --model tiny.tflite", "clip.mp4"),
    "run: unknown source": ("run --source picam:0 --model tiny.tflite", "did you mean 'picamera:'"),
    "run: no camera": ("run --source usb:97 --model tiny.tflite", "/dev/video97"),
    "run: no Picamera2": ("run --source picamera:0 --model tiny.tflite", "sudo apt install"),
    "run: no camera at all": ("run --source auto --model tiny.tflite", "picamera"),
    "run: option of the virtual camera": ("run --source virtual:face=2 --model tiny.tflite", "did you mean 'faces'"),
    "run: option's value": ("run --source virtual:faces=x --model tiny.tflite", "a whole number"),
    "run: missing model": ("run --source good.png --model no.tflite", "no.tflite"),
    "run: model without record": ("run --source good.png --model foreign.tflite", "has no ferlite record"),
    "run: size": ("run --source good.png --model tiny.tflite --size big", "expected width x height"),
    "run: rotation": ("run --source good.png --model tiny.tflite --rotate 45", "0, 90, 180 or 270"),
    "run: full disk": ("run --source good.png --model tiny.tflite --output /dev/full", "/dev/full: No space left"),
    "run: no such place": ("run --source good.png --model tiny.tflite --output file/x.jsonl", "file/x.jsonl"),
    "run: unknown suffix": ("run --source good.png --model tiny.tflite --annotate x.mov", ".mp4"),
    "run: overwriting": ("run --source good.png --model tiny.tflite --annotate good.png", "is the source itself"),
    "run: appending to the source": ("run --source good.png --model tiny.tflite --output good.png", "source itself"),
    "run: into the source's folder": ("run --source shots --model tiny.tflite --annotate shots/b.png", "into it"),
    "run: other labels": ("run --source good.png --model tiny.tflite --labels happy,sad", "leave out labels="),
    "run: unknown label": ("run --source good.png --model foreign.tflite --labels hapy,sad", "did you mean 'happy'"),
    "run: frames": (f"run --source good.png --model tiny.tflite --frames {2**64}", "frames is 18446744073709551616; "),
    "bench pipeline: frames": (f"bench pipeline good.png --model tiny.tflite --frames {2**64}", "it must be a whole"),
    "demo: no such place": ("demo --out file/demo.mp4 --model tiny.tflite", "file/demo.mp4"),
    "demo: missing model": ("demo --model no.tflite", "no.tflite"),
    "quickstart: file in the way": ("quickstart --out file/here", "can't write file/here"),
    "report: nothing measured": ("report nothing", "ferlite bench accuracy"),
}  # fmt: skip


USAGE = {
    "train: no options", "bench accuracy: test split", "bench accuracy: a part of the last look",
    "run: option's value", "run: size", "run: other labels", "run: rotation", "run: unknown suffix", "run: overwriting",
    "run: appending to the source", "run: into the source's folder", "study: no data", "study: weights",
    "train: another run's folder", "train: votes missing", "convert: unfinished run", "bench latency: threads",
    "run: frames", "bench pipeline: frames",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_error_names_the_thing_and_the_remedy(case, place, monkeypatch, capsys):
    line, message = CASES[case]
    monkeypatch.setattr(sys, "argv", ["ferlite", *line.split()])
    with pytest.raises(SystemExit) as stop:
        main()
    shown = capsys.readouterr().err
    assert stop.value.code == (2 if case in USAGE else 1)
    assert message in shown
    assert shown.count("error: ") == 1
    assert "Traceback" not in shown


@pytest.mark.parametrize("line", ["run --no-such-option", "bench accuracy", "fly"])
def test_wrong_usage_exits_with_2(line, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ferlite", *line.split()])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "Usage" in capsys.readouterr().err


def test_debug_shows_the_traceback(place, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ferlite", "--debug", "run", "--source", "no.mp4", "--model", "tiny.tflite"])
    with pytest.raises(FileNotFoundError):
        main()


@pytest.mark.parametrize(
    ("package", "line", "extra"),
    [
        ("keras", "train --recipe quickstart --data eigenfaces", "host"),
        ("litert_quantizer", "convert x", "host"),
        ("jinja2", "report x", "report"),
        ("matplotlib", "data eigenfaces --out x", "host"),
    ],
)
def test_a_missing_extra_is_answered_with_the_line_that_installs_it(package, line, extra):
    program = f"import sys; sys.modules[{package!r}] = None; from ferlite.cli.app import main; main()"
    run = subprocess.run([sys.executable, "-c", program, *line.split()], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert f"pip install 'ferlite[{extra}]'" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_data_set_is_shown_without_the_host_s_packages():
    program = """
import sys
for package in ("keras", "tensorflow", "matplotlib"):
    sys.modules[package] = None
from ferlite.cli.app import main
from ferlite.cli.errors import reported
main()
"""
    command = [sys.executable, "-c", program, "data", "eigenfaces"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "persons, as far as known" in run.stdout


def test_a_clip_that_breaks_off_keeps_the_lines_before(place, monkeypatch, capsys):
    writer = cv2.VideoWriter(str(place / "whole.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
    for frame in VirtualCamera(size=(160, 120), frames=60):
        writer.write(frame.image)
    writer.release()
    content = (place / "whole.avi").read_bytes()
    (place / "cut.avi").write_bytes(content[: len(content) // 2])
    monkeypatch.setattr(
        sys, "argv", ["ferlite", "run", "--source", "cut.avi", "--model", "tiny.tflite", "--output", "out.jsonl"]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "cut.avi" in capsys.readouterr().err
    assert 10 < len((place / "out.jsonl").read_text().splitlines()) < 60


def test_an_interruption_outside_of_any_command_is_an_exit_code():
    with pytest.raises(SystemExit) as stop, reported("ferlite"):
        raise KeyboardInterrupt
    assert stop.value.code == 130
