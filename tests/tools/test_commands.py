"""The tools answer bad input with one line and an exit code, as `ferlite` does."""

import pytest

from ferlite.data.results import files
from ferlite.models.files import write_json
from ferlite.tools.__main__ import main


@pytest.fixture
def tools(monkeypatch, capsys):
    """Runs a command; gives its exit code and what it wrote to stderr."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["ferlite.tools", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capsys.readouterr().err

    return run


def test_a_missing_folder_is_one_line_and_exit_code_1(tools, tmp_path):
    code, errors = tools("cards", tmp_path / "nowhere")
    assert code == 1
    assert errors.startswith(f"error: can't read {tmp_path / 'nowhere' / 'final.jsonl'}")
    assert errors.count("\n") == 1


def test_debug_shows_where_an_error_came_from(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["ferlite.tools", "--debug", "cards", str(tmp_path / "nowhere")])
    with pytest.raises(FileNotFoundError):
        main()


def test_an_unknown_picture_of_the_live_page_is_one_line_that_names_those_there_are(tools, tmp_path):
    code, errors = tools("page-pictures", "dektop", "--out", tmp_path)
    assert code == 1
    assert "desktop" in errors.replace("dektop", "")
    assert list(tmp_path.iterdir()) == []


def test_latencies_of_another_schema_are_refused(tools, tmp_path):
    (tmp_path / "final.jsonl").touch()
    (tmp_path / "epyc-2-cores").mkdir()
    write_json(tmp_path / "epyc-2-cores" / files.LATENCY, {"schema": "ferlite-latency/1"})
    code, errors = tools("cards", tmp_path, "--out", tmp_path / "out")
    assert code == 1
    assert "has the schema 'ferlite-latency/1'" in errors


def test_a_folder_without_studies_leaves_the_page_as_it_was(tools, tmp_path):
    pytest.importorskip("pydantic")
    page = tmp_path / "studies.md"
    page.write_text("as it was")
    code, errors = tools("studies-page", tmp_path, "--out", page)
    assert code == 1
    assert "holds no study-NAME.json" in errors
    assert page.read_text() == "as it was"


def test_a_study_without_its_schema_is_refused(tools, tmp_path):
    pytest.importorskip("pydantic")
    write_json(tmp_path / "study-six-class.json", {"study": "six-class"})
    code, errors = tools("studies-page", tmp_path, "--out", tmp_path / "studies.md")
    assert code == 1
    assert "study-six-class.json is no result of ferlite" in errors
