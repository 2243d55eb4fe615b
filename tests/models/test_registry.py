from pathlib import Path

import pytest

from ferlite.errors import UnknownNameError
from ferlite.models import modelfile, registry


@pytest.mark.parametrize("name", ["yunet", "onet"])
def test_a_shipped_model_is_found_by_the_name_that_its_record_states(name):
    assert name in registry.names()
    record = modelfile.read(registry.path(name)).record
    assert record is not None
    assert record.name == name


def test_names_are_sorted_and_each_leads_to_a_file():
    assert registry.names() == sorted(registry.names())
    assert all(registry.path(name).is_file() for name in registry.names())


@pytest.mark.parametrize("name", ["mine.tflite", "folder/yunet.tflite", Path("/models/mine.tflite")])
def test_a_path_is_taken_as_it_is(name):
    assert registry.path(name) == Path(name)


@pytest.mark.parametrize("name", ["yunt", "", "folder/yunet", "../yunet", Path("yune")])
def test_an_unknown_name_is_an_error_that_tells_the_known_ones(name):
    with pytest.raises(UnknownNameError, match=r"there is no model .*yunet"):
        registry.path(name)


def test_the_table_of_hashes_is_true():
    assert registry.HASHES.read_text() == registry.hash_lines()


def test_a_shipped_content_is_known_wherever_it_lies():
    content = registry.path("onet").read_bytes()
    assert registry.is_shipped(content)
    assert not registry.is_shipped(content + b"\0")
