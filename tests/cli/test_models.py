import json

from typer.testing import CliRunner

from ferlite.cli.commands import app
from ferlite.models import registry


def ferlite(*arguments):
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def test_every_shipped_model_is_listed_with_what_its_record_says():
    listed = json.loads(ferlite("list", "--json").stdout)
    assert list(listed) == registry.names()
    assert listed["ferlite-m"]["labels"][0] == "angry"
    assert listed["ferlite-m"]["bytes"] == registry.path("ferlite-m").stat().st_size
    first = [line.split("│")[1].strip() for line in ferlite("list").stdout.splitlines() if "│" in line]
    assert [name for name in first if name] == list(listed)  # a long row goes on in a second line


def test_show_prints_the_card_and_as_json_the_record():
    assert ferlite("show", "ferlite-m").stdout.startswith("# ferlite-m\n")
    assert json.loads(ferlite("show", "ferlite-m", "--json").stdout)["name"] == "ferlite-m"


def test_verify_passes_the_shipped_models_and_names_the_damaged_one(tmp_path, model_path):
    assert ferlite("verify").exit_code == 0
    content = bytearray(registry.path("yunet").read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(content)
    result = ferlite("verify", "onet", model_path, damaged)
    assert result.exit_code == 1
    assert "ok   onet: as shipped" in result.stdout
    assert f"ok   {model_path}: undamaged (its sha256 fits)" in result.stdout
    assert f"bad  {damaged}" in result.stdout


def test_path_is_where_the_file_lies():
    assert ferlite("path", "yunet").stdout.strip() == str(registry.path("yunet"))
