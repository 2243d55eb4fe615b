"""The file with the options of `ferlite run`: what it may say, and what comes before it."""

import inspect
import json
import tomllib

import pytest

from ferlite import Pipeline
from ferlite.cli import config_file
from ferlite.cli.app import main
from ferlite.cli.run import run


@pytest.fixture
def ferlite(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["ferlite", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return call


def shown(ferlite):
    code, out, _ = ferlite("config", "show", "--json")
    assert code == 0
    return json.loads(out)


def test_a_new_file_holds_every_option_and_changes_nothing(ferlite, tmp_path):
    assert ferlite("config", "init")[0] == 0
    assert ferlite("config", "check")[1] == "ferlite.toml: good; it sets nothing\n"
    lines = (tmp_path / "ferlite.toml").read_text().splitlines()
    keys = {key for key in shown(ferlite) if any(line.startswith(f"#{key} = ") for line in lines)}
    assert keys == {option.key for option in config_file.options(run)} == set(shown(ferlite))
    assert {"source", "model", "web-port", "mqtt", "max-fps"} <= keys
    assert ferlite("config", "init")[0] == 2


def test_what_the_new_file_shows_is_the_default_where_there_is_one(ferlite, tmp_path):
    ferlite("config", "init")
    before = shown(ferlite)
    content = (tmp_path / "ferlite.toml").read_text()
    (tmp_path / "ferlite.toml").write_text(
        "\n".join(line.removeprefix("#") for line in content.splitlines() if line.startswith("#") and line[1] != " ")
    )
    assert ferlite("config", "check")[0] == 0
    given = {option.key: option.default for option in config_file.options(run)}
    after = shown(ferlite)
    assert {key for key in after if given[key] not in (None, "")} >= {"stall", "web-host", "confirm"}
    assert all(after[key] == before[key] for key in after if given[key] not in (None, ""))


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(ferlite, tmp_path, monkeypatch):
    (tmp_path / "ferlite.toml").write_text('source = "virtual:frames=2"\noutput = "file.jsonl"\nframes = 9\n')

    def lines(name):
        return len((tmp_path / name).read_text().splitlines())

    assert ferlite("run", "--config", "ferlite.toml")[0] == 0
    assert lines("file.jsonl") == 2
    monkeypatch.setenv("FERLITE_RUN_OUTPUT", "environment.jsonl")
    assert ferlite("run", "virtual:frames=3", "--config", "ferlite.toml")[0] == 0
    assert lines("environment.jsonl") == 3
    assert ferlite("run", "--output", "line.jsonl", "--config", "ferlite.toml", "--source", "virtual:frames=4")[0] == 0
    assert lines("line.jsonl") == 4
    assert lines("file.jsonl") == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("web-prot = 1", "ferlite.toml: there is no option key 'web-prot'; did you mean 'web-port'"),
        ("web-port = true", "ferlite.toml: web-port: "),
        ('web-port = "80"', "ferlite.toml: web-port: "),
        ("frames = 1.5", "ferlite.toml: frames: "),
        ("viewers = 0", "ferlite.toml: viewers: "),
        ("model = 'ferlite-m'", "ferlite.toml: model: "),
        ("max-fps = nan", "ferlite.toml: max-fps: "),
        ("max-celsius = 5.0", "ferlite.toml: max-celsius: "),
        ("max-memory = 0.0", "ferlite.toml: max-memory: "),
        ("config = 'other.toml'", "'config'"),
        ("[web]\nport = 1", "ferlite.toml: web: "),
        ("source = ", "ferlite.toml is not a TOML file"),
    ],
)
def test_what_a_file_can_t_say_is_named(content, words, ferlite, tmp_path):
    (tmp_path / "ferlite.toml").write_text(content)
    for command in (["config", "check"], ["run", "virtual:frames=1", "--config", "ferlite.toml"]):
        code, _, err = ferlite(*command)
        assert code == 1
        assert words in " ".join(err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["ferlite.toml"]


def test_a_missing_file_is_named(ferlite):
    assert "none.toml" in ferlite("run", "--config", "none.toml")[2]


def test_a_password_in_an_address_is_not_shown(ferlite, tmp_path):
    (tmp_path / "ferlite.toml").write_text('source = "rtsp://cam:s3cret@host/s"\nmqtt = "mqtt://me:s3cret@host"\n')
    assert shown(ferlite)["source"] == "rtsp://cam:***@host/s"
    for options in ([], ["--json"]):
        assert "s3cret" not in ferlite("config", "show", *options)[1]


def test_passwords_are_no_options():
    assert not [each.key for each in config_file.options(run) if "password" in each.key and "file" not in each.key]


def test_the_command_and_the_pipeline_have_the_same_defaults():
    pipeline = inspect.signature(Pipeline.open).parameters
    for option in config_file.options(run):
        if option.name in pipeline and option.name not in ("model", "source"):
            assert option.default == pipeline[option.name].default, option.name


@pytest.mark.parametrize("value", [True, 1, 1.5, 'a "b" \\ \n é', ["x", "y"]])
def test_values_are_written_as_toml(value):
    assert tomllib.loads(f"x = {config_file.toml(value)}")["x"] == value
