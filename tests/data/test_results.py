import json

import pytest

from ferlite.data.results import files
from ferlite.errors import DataError, MissingFileError


@pytest.mark.parametrize("text", ["{", "[]", "{}", "[" * 100_000])
def test_a_file_that_is_no_result_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"x\.json is no result of ferlite .*measure again"):
        files.read(tmp_path / "x.json", files.LATENCY_SCHEMA)


def test_a_result_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"schema": "ferlite-latency/1"}))
    with pytest.raises(DataError, match="has the schema 'ferlite-latency/1', not ferlite-accuracy/3 or ferlite-lat"):
        files.read(path, files.ACCURACY_SCHEMA, files.LATENCY_SCHEMA)
    assert files.read(path, "ferlite-latency/1") == {"schema": "ferlite-latency/1"}
    with pytest.raises(MissingFileError):
        files.read(tmp_path / "none.json", files.LATENCY_SCHEMA)
