import sys

import pytest

from ferlite.errors import RuntimeMissingError
from ferlite.train.tensorboard_log import Board


def test_a_line_of_the_history_becomes_scalars(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Board(tmp_path / "logs") as board:
        board.add({"epoch": 1, "loss": 2.5})
        board.add({"epoch": 2, "loss": 1.5})
    board.close()
    logs = EventAccumulator(str(tmp_path / "logs"))
    logs.Reload()
    assert [(event.step, float(event.tensor_proto.float_val[0])) for event in logs.Tensors("loss")] == [
        (1, 2.5),
        (2, 1.5),
    ]


def test_what_is_missing_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(RuntimeMissingError, match="pip install tensorboard"):
        Board(tmp_path)
