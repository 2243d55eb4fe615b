"""Results as a table."""

import csv
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ferlite import CsvRows, Expression, Face, Frame, FrameResult, Pipeline, Reading, TrackedFace
from ferlite.device.types import UNREADABLE
from ferlite.errors import OutputError


class Model:
    def __init__(self, *labels):
        self.labels = labels


FACE = Face((1, -2, 30, 40), 0.9, np.zeros((5, 2), np.float32))
COLUMNS = (
    "frame,time,unix,wall,name,id,x,y,width,height,score,area,turn,roll,right,up,unreadable,"
    "label,confidence,p_happy,p_sad"
)


def reading(labels=("happy", "sad"), scores=(0.75, 0.25)):
    expression = Expression(labels, np.array(scores, np.float32))
    return Reading(expression, expression, expression.label)


def a_result(*faces, name="", index=3):
    return FrameResult(Frame(np.zeros((4, 4, 3), np.uint8), index, 1.5, name), faces, wall=1.7e9)


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def test_each_face_has_a_row_and_a_frame_without_faces_none(tmp_path):
    path = tmp_path / "new" / "faces.csv"
    unreadable = Reading(None, None, UNREADABLE)
    with CsvRows(path, {"one": Model("happy", "sad")}) as rows:
        assert path.read_text() == COLUMNS + "\n"
        rows.write(a_result())
        assert table(path) == []
        rows.write(
            a_result(
                TrackedFace(7, FACE, {"one": reading()}, direction=(-3.25, 1.0)),
                TrackedFace(8, FACE, {"one": unreadable}, unreadable="too small"),
            )
        )
    first, second = table(path)
    assert list(first) == COLUMNS.split(",")
    assert (first["frame"], first["time"], first["id"], first["x"], first["y"]) == ("3", "1.5", "7", "1", "-2")
    assert (first["right"], first["up"], first["unreadable"]) == ("-3.2", "1.0", "")
    assert (first["label"], first["confidence"], first["p_happy"], first["p_sad"]) == ("happy", "0.75", "0.75", "0.25")
    assert (second["label"], second["unreadable"], second["p_happy"], second["right"]) == (
        "unreadable", "too small", "", "",
    )  # fmt: skip


def test_a_second_model_has_columns_of_its_own(tmp_path):
    path = tmp_path / "faces.csv"
    with CsvRows(path, {"one": Model("happy", "sad"), "two": Model("happy", "calm")}) as rows:
        rows.write(a_result(TrackedFace(1, FACE, {"one": reading(), "two": reading(("happy", "calm"), (0.1, 0.9))})))
    (row,) = table(path)
    assert (row["label"], row["p_happy"], row["label (two)"], row["p_happy (two)"]) == ("happy", "0.75", "calm", "0.1")


def test_a_second_run_goes_on_with_the_same_columns_and_others_are_refused(tmp_path):
    path = tmp_path / "faces.csv"
    for _ in range(2):
        with CsvRows(path, {"one": Model("happy", "sad")}) as rows:
            rows.write(a_result(TrackedFace(1, FACE, {"one": reading()})))
    assert len(table(path)) == 2
    before = path.read_bytes()
    with pytest.raises(OutputError, match=r"faces\.csv has another first line than frame,time.*name another file"):
        CsvRows(path, {"one": Model("happy", "sad", "calm")})
    assert path.read_bytes() == before


@pytest.mark.parametrize("left", [b"", b"frame,ti", COLUMNS.encode(), b"\0" * 40])
def test_a_first_line_that_was_cut_off_is_written_again(tmp_path, left):
    path = tmp_path / "faces.csv"
    path.write_bytes(left)
    with CsvRows(path, {"one": Model("happy", "sad")}) as rows:
        rows.write(a_result(TrackedFace(1, FACE, {"one": reading()})))
    assert len(table(path)) == 1


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "\0", "\udcff"])  # noqa: RUF001
def test_no_name_and_no_label_becomes_a_formula_or_a_row(tmp_path, begin):
    path, evil = tmp_path / "faces.csv", begin + "HYPERLINK(\"http://x\";'y'),a\nb"
    with CsvRows(path, {"one": Model(evil), evil: Model(evil)}) as rows:
        face = TrackedFace(1, FACE, {"one": reading((evil,), (1.0,)), evil: reading((evil,), (1.0,))}, unreadable=evil)
        rows.write(a_result(face, name=evil + ".jpg"))
    (row,) = table(path)
    for cell in (*row, *(row[column] for column in ("name", "label", "unreadable"))):
        assert cell.isprintable()
        assert cell[:1] not in "=+-@＝＋－＠" or not cell  # noqa: RUF001
    assert len(path.read_bytes().splitlines()) == 2


def test_pandas_reads_it(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "faces.csv"
    with CsvRows(path, {"one": Model("happy", "sad")}) as rows:
        assert len(pandas.read_csv(path)) == 0
        rows.write(a_result(TrackedFace(1, FACE, {"one": reading()}), name="a, b"))
    frame = pandas.read_csv(path)
    assert frame.p_happy.sum() == 0.75
    assert frame.name[0] == "a, b"
    assert pandas.to_datetime(frame.wall)[0].timestamp() == pytest.approx(1.7e9)


def test_every_row_before_a_kill_is_whole(tmp_path):
    path = tmp_path / "faces.csv"
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_csv_rows import *
rows = CsvRows({str(path)!r}, {{"one": Model("happy", "sad")}})
for index in range(50): rows.write(a_result(TrackedFace(1, FACE, {{"one": reading()}}), index=index))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    assert [row["frame"] for row in table(path)] == [str(n) for n in range(50)]
    assert path.read_bytes().endswith(b"\n")


def test_a_run_writes_the_columns_of_its_model(tmp_path):
    path = tmp_path / "faces.csv"
    with Pipeline.open("virtual:frames=5") as pipeline, CsvRows(path, pipeline.classifiers) as rows:
        pipeline.run(rows)
    first = table(path)[0]
    assert float(first["score"]) > 0.4
    assert {f"p_{label}" for label in pipeline.classifier.labels} <= set(first)
