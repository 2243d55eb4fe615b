import json

import cv2
import pytest
from typer.testing import CliRunner

from ferlite.cli.app import main
from ferlite.cli.bench.compare import _share
from ferlite.cli.bench.latency import _numbers
from ferlite.cli.commands import app
from ferlite.errors import UsageError


def ferlite(line):
    return CliRunner().invoke(app, line.split())


def test_opencv_works_in_one_thread(monkeypatch):
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    monkeypatch.setattr("sys.argv", ["ferlite", "--version"])
    try:
        with pytest.raises(SystemExit):
            main()
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize(
    ("text", "numbers"), [("1", [1]), ("1,2,4", [1, 2, 4]), ("1-4", [1, 2, 3, 4]), ("4,1-2", [1, 2, 4])]
)
def test_numbers_of_threads_are_read(text, numbers):
    assert _numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "0", "4-1", "1,", "two", "-1", "1000", "²"])
def test_wrong_numbers_of_threads_are_refused(text):
    with pytest.raises(UsageError, match="--threads is"):
        _numbers(text)


def test_a_tolerance_is_read():
    assert (_share("3%"), _share("0.5%"), _share("0.03"), _share("0")) == (0.03, 0.005, 0.03, 0)
    for text in ("three", "-1%", "200%", "3", "nan"):
        with pytest.raises(UsageError, match="--fail-over is"):
            _share(text)


def test_latency_of_two_models_is_printed_and_given_as_json(model_path):
    line = f"bench latency {model_path} {model_path} --seconds 0 --queries 16 --cold-starts 1 --threads 1,2"
    shown = ferlite(line)
    assert shown.exit_code == 0, shown.output
    assert "p50 ms a frame" in shown.stdout
    assert "GMAC/s" in shown.stdout
    result = json.loads(ferlite(f"{line} --json").stdout)
    assert len(result["models"]) == 4
    assert result["starts"][0]["runs"] == 1


def test_a_pipeline_is_measured(model_path):
    line = f"bench pipeline virtual:faces=1,frames=30 --model {model_path}"
    shown = ferlite(line)
    assert shown.exit_code == 0, shown.output
    assert "30 frames with" in shown.stdout
    assert json.loads(ferlite(f"{line} --json").stdout)["frames"] == 30


def test_limits_for_faces_are_measured():
    line = "bench gates --data eigenfaces --limit 10"
    shown = ferlite(line)
    assert shown.exit_code == 0, shown.output
    assert "uncertain under" in shown.stdout
    assert len(json.loads(ferlite(f"{line} --json").stdout)["turns"]) > 3


def test_labels_over_time_are_measured():
    line = "bench events --persons 1 --seconds 4"
    shown = ferlite(line)
    assert shown.exit_code == 0, shown.output
    assert "steady" in shown.stdout
    result = json.loads(ferlite(f"{line} --json").stdout)
    assert (len(result["smoothing"]), result["confirm"]) == (4, [])


def test_the_gate_fails_with_a_line_for_each_regression(tmp_path, model_path):
    old = json.loads(ferlite(f"bench latency {model_path} --seconds 0 --queries 16 --cold-starts 0 --json").stdout)
    new = json.loads(json.dumps(old))
    new["disturbed"] = ["other programs used 1.00 cores"]
    new["models"][0]["p50"] *= 10
    new["models"][0]["p50_interval"] = [10 * end + 1 for end in old["models"][0]["p50_interval"]]
    for name, result in (("old", old), ("new", new)):
        (tmp_path / f"{name}.json").write_text(json.dumps(result))
    same = ferlite(f"bench compare {tmp_path}/old.json {tmp_path}/old.json")
    assert (same.exit_code, same.stdout.splitlines()[-1][:15]) == (0, "ok: tiny float3")
    worse = ferlite(f"bench compare {tmp_path}/old.json {tmp_path}/new.json --fail-over 3%")
    assert worse.exit_code == 1
    assert worse.stdout.startswith("disturbed: other programs")
    assert "regression: tiny float32, 1 thread" in worse.stdout
