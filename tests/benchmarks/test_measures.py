import base64
import json
import re
from typing import Any

import cv2
import numpy as np
import pytest

from ferlite.benchmarks import accuracy, cold_start, latency, report
from ferlite.benchmarks.machine import State
from ferlite.data import eigenfaces
from ferlite.data.dataset import Dataset, Faces
from ferlite.data.results import files
from ferlite.errors import DataError, MissingFileError, ModelFormatError, UsageError
from ferlite.models import eigenfaces as drawing
from ferlite.models import modelfile
from ferlite.models.files import write_json
from ferlite.models.labels import FER2013_LABELS


@pytest.fixture
def data(banded):
    """Faces that the tiny model reads right, but for one in seven; one test face is a training face."""
    images = np.stack([banded(label) for label in range(7)] * 4)
    images[:, 47] = np.arange(28)[:, None]  # all different, in a row that no band covers
    labels = np.tile(np.arange(7), 4)
    labels[labels == 6] = 5
    faces = Faces(images, labels, np.arange(28))
    test = faces[np.arange(14)]
    return Dataset("bands", FER2013_LABELS, {"train": faces[np.arange(13, 28)], "test": test}, "d" * 64)


@pytest.fixture
def pair(tmp_path, graph, record):
    """Two models that know the same labels; the second swaps two."""
    labels = ("disgust", "angry", *FER2013_LABELS[2:])
    return [
        modelfile.write(tmp_path / "a.tflite", graph, record),
        modelfile.write(tmp_path / "b.tflite", graph, record.with_(name="swapped", labels=labels)),
    ]


def test_scores_intervals_and_the_pair_are_what_they_must_be(pair, data):
    result = accuracy.measure(pair, data, "PrivateTest")
    first, second = result["models"]
    assert (first["count"], result["data"]["split"]) == (14, "test")
    assert first["accuracy"] == pytest.approx(12 / 14)
    assert second["accuracy"] == pytest.approx(8 / 14)
    assert second["recall"]["angry"] == 0
    (compared,) = result["pairs"]
    assert compared["agreement"] == pytest.approx(10 / 14)
    assert (compared["only_first_right"], compared["only_second_right"]) == (4, 0)
    assert compared["mcnemar_p"] == pytest.approx(0.125)
    assert compared["difference"] == pytest.approx(-4 / 14)
    assert compared["difference_interval"][1] < 0
    json.dumps(result)


def test_faces_that_are_also_in_training_are_left_out_of_a_second_table(pair, data):
    result = accuracy.measure(pair[:1], data, "test")
    left_out = result.get("without_duplicates")
    assert left_out is not None
    assert left_out["duplicates"] == 1
    assert left_out["models"][0]["count"] == 13


def test_a_split_that_is_all_in_training_is_scored_once(pair, data):
    everywhere = Dataset("x", data.label_names, {"train": data.split("test"), "test": data.split("test")}, "0")
    assert "without_duplicates" not in accuracy.measure(pair, everywhere, "test")


def test_a_file_that_is_no_log_is_refused_before_anything_is_scored(pair, data, tmp_path):
    for text in ("not a log\n", "[" * 100_000, "[]"):
        (tmp_path / "notes.txt").write_text(text)
        with pytest.raises(DataError, match=r"notes\.txt is no log of final scores"):
            accuracy.refuse_second_look(pair, data, tmp_path / "notes.txt")


def test_a_limit_scores_the_first_faces(pair, data):
    assert accuracy.measure(pair[:1], data, "test", limit=5)["models"][0]["count"] == 5


def test_with_labels_only_their_faces_are_scored_and_only_they_are_answers(pair, data):
    result = accuracy.measure(pair[:1], data, "test", labels=["Happiness", "surprised"])
    (model,) = result["models"]
    shown = np.isin(data.splits["test"].labels, [3, 5])
    assert model["count"] == shown.sum()
    answers = np.array(model["confusion"]).sum(0)
    assert set(np.flatnonzero(answers)) <= {3, 5}
    with pytest.raises(DataError, match="no face with the labels contempt"):
        accuracy.measure(pair[:1], data, "test", labels=["contempt"])


def test_all_faces_of_data_with_a_test_split_are_not_scored_at_once(pair, data):
    with pytest.raises(UsageError, match="sets a test split apart"):
        accuracy.measure(pair[:1], data, "all")
    whole = Dataset(data.name, data.label_names, {"train": data.splits["train"]}, data.sha256)
    assert accuracy.measure(pair[:1], whole, "all")["data"] | {"name": ""} == {
        "name": "", "sha256": "d" * 64, "split": "all", "labels": [], "faces": 15, "groups": None,
    }  # fmt: skip


def test_a_label_that_a_model_lacks_is_an_error_that_names_it(tmp_path, graph, record, data):
    other = record.with_(labels=("contempt", *FER2013_LABELS[1:]))
    path = modelfile.write(tmp_path / "other.tflite", graph, other)
    with pytest.raises(DataError, match=r"faces labelled angry, which tiny lacks"):
        accuracy.measure([path], data, "test")


def test_a_model_is_scored_on_a_test_split_once(pair, data, tmp_path):
    log = tmp_path / "final.jsonl"
    accuracy.refuse_second_look(pair, data, log)
    accuracy.log_final(accuracy.measure(pair[:1], data, "test"), log)
    (line,) = map(json.loads, log.read_text().splitlines())
    assert line["model"] == "tiny"
    assert line["accuracy"] == pytest.approx(12 / 14)
    assert line["accuracy_without_duplicates"] == pytest.approx(12 / 13)
    with pytest.raises(UsageError, match=r"a\.tflite was scored on this test split"):
        accuracy.refuse_second_look(pair, data, log)
    accuracy.refuse_second_look(pair[1:], data, log)


def test_each_pair_of_models_is_compared(pair, data):
    result = accuracy.measure([*pair, pair[0]], data, "test")
    assert [[path[-8:] for path in map(str, p["models"])] for p in result["pairs"]] == [
        ["a.tflite", "b.tflite"],
        ["a.tflite", "a.tflite"],
        ["b.tflite", "a.tflite"],
    ]
    assert result["pairs"][1]["agreement"] == 1
    assert result["pairs"][2]["difference"] == pytest.approx(4 / 14)


def test_a_result_keeps_which_faces_were_right_and_the_reliability(pair, data):
    (row,) = accuracy.measure(pair[:1], data, "test")["models"]
    right = accuracy.unpacked(row["right"], 14)
    assert right.sum() == 12
    assert not right[[6, 13]].any()
    assert sum(part["count"] for part in row["reliability"]) == 14
    with pytest.raises(ValueError, match="answers for 99 faces"):
        accuracy.unpacked(row["right"], 99)


def state(**changes):
    """A machine at rest that tells everything."""
    values = {"time": 0.0, "governor": "performance", "mhz": 1800.0, "full_mhz": 1800.0, "celsius": 50.0}
    values |= {"throttled": 0, "load": 0.1, "busy": 100.0, "own": 10.0}
    return State(**values | changes)


def quick(models, **options):
    """Time a few inferences on a machine that stays at rest."""
    fixed = {"seconds": 0.0, "queries": 16, "cold_starts": 0, "with_peak": False, "read_state": state}
    return latency.measure(models, **fixed | options)


def test_latency_takes_turns_and_reports_ordered_quantiles(pair):
    result = quick(pair, queries=40)
    for row in result["models"]:
        assert row["queries"] >= 40
        assert row["queries"] % 8 == 0
        assert 0 < row["p50"] <= row["p90"] <= row["p99"]
        low, high = row["p50_interval"]
        assert low <= row["p50"] <= high
        histogram = row["histogram"]
        assert sum(histogram["counts"]) + histogram["above"] == row["queries"]
    (compared,) = result["pairs"]
    low, high = compared["ratio_interval"]
    assert 0 < low <= compared["median_ratio"] <= high
    assert result["runtime"].startswith("LiteRT")
    assert result["disturbed"] == []
    json.dumps(result)


def test_every_number_of_threads_is_measured_and_compared_with_its_like(pair):
    result = quick(pair, threads=(1, 2))
    assert [(row["name"], row["threads"]) for row in result["models"]] == [
        ("tiny", 1),
        ("swapped", 1),
        ("tiny", 2),
        ("swapped", 2),
    ]
    assert [pair["threads"] for pair in result["pairs"]] == [1, 2]


def test_a_frame_with_faces_takes_as_long_as_its_inferences_together(pair, monkeypatch):
    ticks = iter(range(1_000_000))
    monkeypatch.setattr(latency.time, "perf_counter", lambda: next(ticks) / 1000)
    (row,) = quick(pair[:1], faces=(1, 3))["models"]
    assert [(frame["faces"], round(frame["p50"], 6)) for frame in row["faces"]] == [(1, 1.0), (3, 3.0)]
    assert row["queries"] % 3 == 0


def test_the_peak_is_measured_in_the_same_run_and_models_are_held_against_it(tmp_path, graph, record):
    path = modelfile.write(tmp_path / "a.tflite", graph, record.with_(macs=16_128))
    result = quick([path], with_peak=True)
    assert [(peak["scheme"], peak["threads"]) for peak in result["peaks"]] == [("int8", 1), ("float32", 1)]
    (row,) = result["models"]
    assert row["peak_share"] == pytest.approx(16_128 / row["p50"] / 1e6 / result["peaks"][1]["gmacs_per_s"])
    assert row["us_per_mmac"] == pytest.approx(1000 * row["p50"] / 0.016128)


def test_a_cold_start_is_that_of_a_fresh_process(model_path, tmp_path):
    start = cold_start.measure(model_path, runs=1)
    assert 0 < start["import_ms"] + start["load_ms"] + start["first_ms"] < start["process_ms"]
    assert 10 < (start["peak_rss_mb"] or 0) < 1000
    with pytest.raises(ModelFormatError, match=r"none\.tflite can't be run in a fresh process: .*No such file"):
        cold_start.measure(tmp_path / "none.tflite", runs=1)


@pytest.fixture
def results(tmp_path, pair, data):
    """A folder with all that a page can show."""
    folder = tmp_path / "results"
    folder.mkdir()
    write_json(folder / files.ACCURACY, accuracy.measure(pair, data, "test"))
    disturbed = iter([state(), state(time=10.0, throttled=0x50005)])
    write_json(folder / files.LATENCY, quick(pair, cold_starts=1, read_state=lambda: next(disturbed)))
    return folder


def test_the_page_holds_the_figures_and_needs_nothing_else(results):
    page = report.write(results, "<b>mine</b>").read_text()
    assert "85.71 %" in page
    assert "swapped" in page
    assert "&lt;b&gt;mine" in page
    assert "http" not in page
    assert "same answer on 71.4% of 14 faces" in page
    assert "tiny against" not in page
    assert page.count("<svg") == 3
    assert "latency: the firmware reports under-voltage" in page
    assert not re.search(r"\b(nan|inf|None)\b", page)


def test_a_difference_of_confusion_is_shown_with_its_sign(results):
    page = report.write(results, "x").read_text()
    assert "swapped, float32 minus tiny, float32" in page
    assert re.search(r">-2</td>", page)
    assert re.search(r">\+2</td>", page)


@pytest.mark.parametrize(
    ("architecture", "advice"), [("x86_64", "a Raspberry Pi is must be measured on it"), ("aarch64", "(aarch64).")]
)
def test_a_speed_is_never_offered_as_another_machines(results, architecture, advice):
    times = json.loads((results / "latency.json").read_text())
    times["machine"]["architecture"] = architecture
    assert advice in report.summarise(None, times)


def timed(ratio, interval) -> Any:
    """A latency result: int8 takes `ratio` times as long as float32, and is a quarter of its size."""
    models = [{"name": "n", "scheme": "float32", "bytes": 400}, {"name": "n", "scheme": "int8", "bytes": 100}]
    machine = {"model": "board", "architecture": "aarch64"}
    pairs = [{"median_ratio": ratio, "ratio_interval": interval, "threads": 1}]
    return {"models": models, "pairs": pairs, "machine": machine}


def test_the_summary_is_about_the_smaller_model_and_tells_when_it_is_slower():
    faster = report.summarise(None, timed(0.5, (0.4, 0.625)))
    assert faster.startswith("int8 is 2.00x faster here than float32 (95 % interval 1.60 to 2.50) and 4.0x smaller.")
    assert "int8 is 2.00x slower here than float32" in report.summarise(None, timed(2.0, (1.6, 2.5)))
    assert "no faster or slower here" in report.summarise(None, timed(0.99, (0.9, 1.1)))
    turned = timed(2.0, (1.6, 2.5))
    turned["models"].reverse()
    assert report.summarise(None, turned) == faster


@pytest.fixture(scope="module")
def drawn_data():
    """The first test faces of the data set that may be shown."""
    rows = range(8400, 8442)
    images = eigenfaces.draw_again(rows)
    _, labels = drawing.load().sample(1400, [0, 2])
    faces = Faces(images, labels[: len(rows)], np.array(rows))
    return Dataset(eigenfaces.EIGENFACES, FER2013_LABELS, {"test": faces}, "d" * 64, eigenfaces.EIGENFACES)


def test_the_page_shows_right_and_wrong_answers_on_drawn_faces(pair, drawn_data, tmp_path):
    result = accuracy.measure(pair, drawn_data, "test")
    write_json(tmp_path / files.ACCURACY, result)
    page = report.write(tmp_path, "x").read_text()
    faces = drawn_data.split("test")
    shown = np.array([sample["row"] for sample in result["samples"]]) - 8400
    assert len(shown) == page.count('alt="a drawn face, ')
    right = [accuracy.unpacked(model["right"], len(faces)) for model in result["models"]]
    for kind in ((True, True), (False, False)):
        which = np.flatnonzero((right[0] == kind[0]) & (right[1] == kind[1]))
        assert set(which[: accuracy.SAMPLES]) <= set(shown)
        title = "Both right" if kind[0] else "Both wrong"
        assert not len(which) or f"{title}</strong>: {len(which)} of 42 faces" in page
    first = cv2.imencode(".png", faces.images[shown[0]])[1].tobytes()
    assert base64.b64encode(first).decode() in page
    assert page.count('class="good"') == sum(int(one[shown].sum()) for one in right)
    assert page.count('class="bad"') == sum(int((~one[shown]).sum()) for one in right)


def test_faces_that_were_drawn_otherwise_are_not_shown(pair, drawn_data, tmp_path):
    result = accuracy.measure(pair[:1], drawn_data, "test")
    result["samples"][0]["row"] += 1
    write_json(tmp_path / files.ACCURACY, result)
    with pytest.raises(DataError, match="drawn by another version"):
        report.write(tmp_path, "x")


def test_pictures_of_people_are_never_kept_to_be_shown(pair, data):
    assert accuracy.measure(pair, data, "test")["samples"] == []


def test_the_video_beside_the_page_is_linked(results):
    assert files.VIDEO not in report.write(results, "x").read_text()
    (results / files.VIDEO).write_bytes(b"video")
    page = report.write(results, "x").read_text()
    assert f'<video controls preload="metadata" src="{files.VIDEO}">' in page
    assert f'href="{files.VIDEO}"' in page


def test_one_result_is_enough_for_a_page(pair, data, tmp_path):
    write_json(tmp_path / files.ACCURACY, accuracy.measure(pair[:1], data, "test"))
    assert "One model was measured" in report.write(tmp_path, "x").read_text()


def test_a_page_of_nothing_or_of_damaged_results_is_refused(tmp_path):
    with pytest.raises(MissingFileError, match="ferlite bench accuracy"):
        report.write(tmp_path, "x")
    (tmp_path / "accuracy.json").write_text("{")
    with pytest.raises(DataError, match=r"accuracy\.json is no result"):
        report.write(tmp_path, "x")
    (tmp_path / "accuracy.json").write_text('{"schema": "ferlite-accuracy/3", "models": [{}], "pairs": []}')
    with pytest.raises(DataError, match=r"lack something \('reliability'\); measure again"):
        report.write(tmp_path, "x")
