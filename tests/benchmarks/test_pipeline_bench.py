import itertools
import json
import time

import pytest

from ferlite.benchmarks import pipeline as bench
from ferlite.benchmarks.machine import State
from ferlite.device.pipeline import Pipeline
from ferlite.device.sources.virtual import VirtualCamera

REST = State(0.0, None, None, None, None, None, 0.0, 0.0, 0.0)


@pytest.fixture
def clock():
    """A clock that goes on by 10 ms each time it is asked."""
    return itertools.count(0.0, 0.01).__next__


def test_frames_stages_and_memory_are_accounted_for(model_path, clock):
    megabytes = itertools.count(100.0)
    with Pipeline.open("virtual:faces=2,frames=20", model=model_path) as pipeline:
        result = bench.measure(pipeline, frames=12, clock=clock, read_state=lambda: REST, resident=megabytes.__next__)
    assert (result["frames"], result["dropped"]) == (12, 0)
    assert result["fps"] == pytest.approx(100)
    assert result["seconds"] == pytest.approx(0.11)
    assert set(result["stages"]) == {"detect", "landmarks", "classify", "track", "total", "wait"}
    assert all(stage["p50"] <= stage["p90"] for stage in result["stages"].values())
    assert result["faces_per_frame"] == pytest.approx(2, abs=0.5)
    assert result["memory"] is not None
    assert result["memory"]["samples"][0] == (1, 100.0)
    assert result["memory"]["growth"] is None
    assert result["age_ms"] is None
    json.dumps(result)


def test_memory_is_said_to_grow_only_after_it_had_time_to_settle(monkeypatch, model_path, clock):
    monkeypatch.setattr(bench, "SETTLED", 5)
    megabytes = itertools.count(100.0)
    with Pipeline.open("virtual:faces=0,frames=9", model=model_path) as pipeline:
        memory = bench.measure(pipeline, clock=clock, read_state=lambda: REST, resident=megabytes.__next__)["memory"]
    assert memory is not None
    frames = [frame for frame, _ in memory["samples"]]
    assert {1, 5} <= set(frames)
    assert memory["growth"] == memory["end"] - dict(memory["samples"])[5]


def test_a_live_source_that_outruns_the_work_has_its_drops_counted(model_path):
    with Pipeline.open(model=model_path, source="virtual:faces=0,frames=400,live=true", rate=1000) as pipeline:
        result = bench.measure(pipeline, read_state=lambda: REST, on_frame=lambda done: time.sleep(0.005))
    assert result["source"]["live"]
    assert result["dropped"] > 0
    assert result["frames"] + result["dropped"] <= 400
    assert 0 < result["dropped_share"] < 1
    assert result["age_ms"] is not None
    assert result["age_ms"]["p50"] > 0


def test_a_system_without_proc_has_no_memory(model_path):
    with Pipeline.open("virtual:faces=0,frames=3", model=model_path) as pipeline:
        assert isinstance(pipeline.source, VirtualCamera)
        assert bench.measure(pipeline, read_state=lambda: REST, resident=lambda: None)["memory"] is None
