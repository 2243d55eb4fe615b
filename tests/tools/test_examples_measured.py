import json
import math
from pathlib import Path

import pytest

import ferlite
from ferlite.tools import timed_example

EXAMPLES = sorted((Path(ferlite.__file__).parent / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_s_frames_and_events_are_noted(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(timed_example, "_log", timed_example._Log())
    timed_example.main(str(example), "virtual:frames=24,seed=35", str(tmp_path / "noted.json"))
    noted = json.loads((tmp_path / "noted.json").read_text())
    assert 0 < noted["frames"] <= 24
    assert len(noted["latencies"]) >= 1
    assert all(map(math.isfinite, noted["latencies"]))
    assert 0 < noted["settled_mb"] <= noted["peak_mb"]
