import json
import threading
import time
from datetime import datetime

import numpy as np
import pytest

from ferlite import Classifier, Counts, EventRules, Pipeline
from ferlite.device import counts as module
from ferlite.device.event_types import FaceEvent
from ferlite.device.recognizer import Recognizer
from ferlite.device.sources.virtual import VirtualCamera
from ferlite.device.types import UNREADABLE, Face, Frame, FrameResult, Reading, TrackedFace
from ferlite.errors import DataError, MissingFileError, OutputError, UnknownNameError, UsageError
from ferlite.models import files


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    """The clock on the wall is that of Berlin."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(text):
    return datetime.fromisoformat(text).timestamp()


NOON = at("2026-06-01T12:00+02:00")


def event(kind, number=1, wall=NOON, label="happy", lasted=2.0):
    return FaceEvent(kind, number, label, 0.9, wall, wall, lasted, (0, 0, 50, 50))


def result(seconds, *numbers, wall=NOON):
    """A frame with faces that can't be read."""
    reading = {"one": Reading(None, None, UNREADABLE)}
    face = Face((0, 0, 50, 50), 0.9, np.zeros((5, 2), np.float32))
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, seconds)
    return FrameResult(frame, tuple(TrackedFace(number, face, reading) for number in numbers), wall=wall + seconds)


def visited(counts, people, wall=NOON, held=()):
    """Let so many people come and go."""
    for number in range(people):
        for kind in ("appeared", *(["held"] if number in held else []), "left"):
            counts.event(event(kind, number, wall))


def test_a_pipeline_is_counted(tmp_path):
    path = tmp_path / "counts.csv"
    camera = VirtualCamera(faces=2, frames=64, seed=1)
    rules = EventRules(confirm=4, held={"happy": 0.1})
    recognizer = Recognizer([Classifier.load("ferlite-m")])
    pipeline = Pipeline(camera, recognizer, rules=rules, wall=lambda: NOON)
    with pipeline, Counts(path, every="day") as counts:
        pipeline.run(counts)
        (row,) = counts.rows
    assert (row["people"], row["left"], row["mean_dwell"]) == (2, 2, pytest.approx(63 / 15, abs=0.1))
    # From the frame after the one that announces a face on.
    assert sum(row["seconds"].values()) == pytest.approx(2 * 60 / 15, abs=0.3)
    head, line = path.read_text().splitlines()
    assert head.startswith("day,people,left,mean_dwell,seconds ")
    assert line.startswith("2026-06-01T00:00+02:00,2,2,4.2,")


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_new_run_goes_on_in_the_same_span(tmp_path, suffix):
    path = tmp_path / f"counts{suffix}"
    with Counts(path) as counts:
        visited(counts, 3, NOON - 3600)
        visited(counts, 2, held=[0])
        counts.event(event("appeared"))
        for i in range(4):
            counts.write(result(i / 2, 1))
    with Counts(path) as counts:
        assert len(counts.rows) == 2
        visited(counts, 1, held=[0])
    before, now = Counts(path).rows
    assert (before["begin"], before["people"], before["left"]) == ("2026-06-01T11:00+02:00", 3, 3)
    assert (now["people"], now["left"], now["mean_dwell"], now["held"]) == (4, 3, 2.0, {"happy": 2})
    assert now["seconds"] == {UNREADABLE: 1.5}


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_rows_of_few_people_stay_empty_and_their_sums_go_on(tmp_path, suffix):
    path = tmp_path / f"counts{suffix}"
    with Counts(path, smallest_group=5) as counts:
        visited(counts, 4, held=[0, 1])
        assert counts.rows[0]["people"] is None
    shown = json.loads(path.read_text())["spans"] if suffix == ".json" else path.read_text().splitlines()[1:]
    empty = {
        "begin": "2026-06-01T12:00+02:00",
        "people": None,
        "left": None,
        "mean_dwell": None,
        "seconds": {},
        "held": {},
    }
    assert shown == [empty] if suffix == ".json" else ["2026-06-01T12:00+02:00,,,"]
    beside = tmp_path / f".counts{suffix}.now"
    assert beside.stat().st_mode & 0o077 == 0
    with Counts(path, smallest_group=5) as counts:
        visited(counts, 1)
        assert (counts.rows[0]["people"], counts.rows[0]["held"]) == (5, {"happy": None})
        visited(counts, 3, NOON + 3600)
        visited(counts, 6, NOON + 7200)
    rows = Counts(path, smallest_group=5).rows
    assert [row["people"] for row in rows] == [5, None, 6]
    # Nothing in the folder knows any more how many came at one o'clock.
    assert "13:00" not in beside.read_text()
    assert [row["people"] for row in Counts(path, smallest_group=6).rows] == [None, None, 6]


def test_the_dwell_of_few_who_left_stays_empty(tmp_path):
    counts = Counts(tmp_path / "counts.csv", smallest_group=2)
    for number in range(3):
        counts.event(event("appeared", number))
    counts.event(event("left", 0))
    assert (counts.rows[0]["people"], counts.rows[0]["left"], counts.rows[0]["mean_dwell"]) == (3, None, None)
    counts.event(event("left", 1))
    assert (counts.rows[0]["left"], counts.rows[0]["mean_dwell"]) == (2, 2.0)


def test_only_the_time_of_announced_faces_counts_and_no_gap(tmp_path):
    counts = Counts(tmp_path / "counts.csv")
    counts.event(event("appeared", 1))
    for seconds in (0.0, 0.5, 1.0, 60.0, 60.5, 10.0):
        counts.write(result(seconds, 1, 2, wall=NOON))
    assert counts.rows[0]["seconds"] == {UNREADABLE: 1.5}
    counts.event(event("left", 1))
    counts.write(result(10.5, 1))
    assert counts.rows[0]["seconds"] == {UNREADABLE: 1.5}


def test_frames_that_are_seconds_apart_count(tmp_path):
    counts = Counts(tmp_path / "counts.csv")
    counts.event(event("appeared", 1))
    for seconds in (0.0, 2.0, 7.0, 12.1):
        counts.write(result(seconds, 1))
    assert counts.rows[0]["seconds"] == {UNREADABLE: 7.0}


def test_the_hour_that_comes_twice_in_autumn_has_two_rows_and_the_day_one(tmp_path):
    night = [at(f"2026-10-25T{time}") for time in ("01:30+02:00", "02:30+02:00", "02:30+01:00", "12:00+01:00")]
    hours, days = Counts(tmp_path / "hours.csv"), Counts(tmp_path / "days.csv", every="day")
    for wall in night:
        hours.event(event("appeared", wall=wall))
        days.event(event("appeared", wall=wall))
    begins = [row["begin"][11:] for row in hours.rows]
    assert begins == ["01:00+02:00", "02:00+02:00", "02:00+01:00", "12:00+01:00"]
    assert [(row["begin"], row["people"]) for row in days.rows] == [("2026-10-25T00:00+02:00", 4)]


def test_a_clock_that_is_set_back_a_little_begins_no_new_span(tmp_path):
    path = tmp_path / "counts.json"
    with Counts(path) as counts:
        for wall in (NOON, NOON - 5, NOON + 1, NOON + 3600, NOON - 3600, NOON):
            counts.event(event("appeared", wall=wall))
    rows = [(row["begin"][11:13], row["people"]) for row in Counts(path).rows]
    assert rows == [("12", 3), ("13", 1), ("11", 1), ("12", 1)]


def test_the_file_holds_the_latest_spans(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ROWS", 3)
    path = tmp_path / "counts.csv"
    with Counts(path, every="minute") as counts:
        for minute in range(10):
            counts.event(event("appeared", wall=NOON + 60 * minute))
    assert [row["begin"][11:16] for row in Counts(path, every="minute").rows] == ["12:07", "12:08", "12:09"]


class AtOnce:
    """A thread that has done its work as soon as it is started."""

    def __init__(self, target, args, name, daemon):
        self.start = lambda: target(*args)

    def is_alive(self):
        return False

    def join(self):
        pass


def test_the_file_is_replaced_once_a_minute_and_when_a_span_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "Thread", AtOnce)
    path, now = tmp_path / "counts.csv", [0.0]
    counts = Counts(path, clock=lambda: now[0])

    def people(seconds, wall=NOON):
        """Let somebody come, and a frame, and return the column of the file."""
        now[0] = seconds
        counts.event(event("appeared", wall=wall))
        counts.write(result(seconds, wall=wall - seconds))
        return [line.split(",")[1] for line in path.read_text().splitlines()[1:]]

    assert [people(seconds) for seconds in (0, 30, 59, 60, 90)] == [["1"], ["1"], ["1"], ["4"], ["4"]]
    assert people(100, NOON + 3600) == ["5", "1"]
    assert people(110, NOON + 3600) == ["5", "1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("counts.csv", ""),
        ("counts.csv", "name,age\nmax,7\n"),
        ("counts.csv", "hour,people,left,mean_dwell\n2026-06-01T12:00+02:00,1\n"),
        ("counts.csv", "hour,people,left,mean_dwell\n2026-06-01T12:00,1,1,1\n"),
        ("counts.csv", "hour,people,left,mean_dwell\n2026-06-01T12:00+02:00,-1,1,1\n"),
        ("counts.csv", "hour,people,left,mean_dwell,held happy\n2026-06-01T12:00+02:00,1,1,NaN,1\n"),
        ("counts.csv", "hour,people,left,mean_dwell,held happy\n2026-06-01T12:00+02:00,1,1,1,\0\n"),
        ("counts.json", "[]"),
        ("counts.json", '{"schema": "ferlite-counts/1", "every": "hour", "spans": [1]}'),
        ("counts.json", '{"schema": "ferlite-counts/2", "every": "hour", "spans": []}'),
        ("counts.json", "[" * 100_000),
        (".counts.csv.now", ""),
        (".counts.csv.now", '{"every": "hour", "begin": "2026-06-01T12:00+02:00"}'),
        (
            ".counts.csv.now",
            '{"every": "hour", "begin": 1, "people": 1, "left": 1, "dwell": 1, "seconds": {}, "held": {}}',
        ),
    ],
)
def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=r"move it away|remove it") as refused:
        Counts(tmp_path / name.removeprefix(".").removesuffix(".now"))
    assert name in str(refused.value)
    assert (tmp_path / name).read_text() == content


def test_a_file_of_other_spans_is_not_continued(tmp_path):
    with Counts(tmp_path / "counts.csv", every="day") as counts:
        visited(counts, 1)
    with pytest.raises(UsageError, match="counts by the day, not by the hour"):
        Counts(tmp_path / "counts.csv")


def test_wrong_options_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"\.csv or \.json"):
        Counts(tmp_path / "counts.txt")
    with pytest.raises(UnknownNameError, match="did you mean 'hour'"):
        Counts(tmp_path / "counts.csv", every="hours")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="smallest_group is -1"):
        Counts(tmp_path / "counts.csv", smallest_group=-1)


def test_a_place_that_cannot_be_written_is_known_at_once():
    with pytest.raises(OutputError, match=r"can't write .*counts\.csv"):
        Counts("/proc/nobody/counts.csv")


def test_a_save_that_fails_loses_no_sums_and_is_tried_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(module, "Thread", AtOnce)
    now, full = [0.0], [True]

    def write_bytes(path, data):
        if full[0]:
            raise OutputError(f"can't write {path}: No space left on device")
        return files.write_bytes(path, data)

    monkeypatch.setattr(module, "write_bytes", write_bytes)
    path = tmp_path / "counts.csv"
    counts = Counts(path, clock=lambda: now[0])
    for now[0] in (0, 30, 60, 120):
        counts.event(event("appeared"))
        counts.write(result(now[0]))
        assert "No space left" in counts.states[0].problem
    with pytest.raises(OutputError, match="No space left"):
        counts.close()
    assert not path.exists()
    full[0] = False
    counts.close()
    assert counts.rows == Counts(path).rows
    assert counts.rows[0]["people"] == 4
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("name", ["a" * 300 + ".csv", "file/counts.csv", "folder.csv", "nul\0.csv"])
def test_a_place_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(MissingFileError, match="can't read"):
        Counts(tmp_path / name)


def test_after_close_nothing_is_taken(tmp_path):
    with Counts(tmp_path / "counts.csv") as counts:
        visited(counts, 1)
    counts.close()
    with pytest.raises(OutputError, match="closed"):
        counts.event(event("appeared"))


def test_a_run_without_a_frame_writes_nothing(tmp_path):
    Counts(tmp_path / "counts.csv").close()
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_a_save_begins_costs_nothing(tmp_path, monkeypatch):
    class Interrupted(threading.Thread):
        def start(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "Thread", Interrupted)
    counts = Counts(tmp_path / "counts.csv")
    counts.event(event("appeared"))
    with pytest.raises(KeyboardInterrupt), counts:
        counts.write(result(0))
    assert Counts(tmp_path / "counts.csv").rows[0]["people"] == 1
