import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

import ferlite
from ferlite import Classifier, FerliteError, Gate, Pipeline, VirtualCamera, errors, open_source
from ferlite.cli.run import run

NO_OPTIONS_OF_A_PIPELINE = {
    "source",
    "source_option",
    "model",  # a list here
    "output",
    "sync",
    "events",
    "held",
    "confirm",
    "counts",
    "annotate",
    "file_size",
    "file_age",
    "keep",
    "mqtt",
    "mqtt_password_file",
    "mqtt_ca",
    "mqtt_discovery",
    "mqtt_id",
    "mqtt_name",
    "frames",
    "max_celsius",
    "max_memory",
    "min_face",
    "labels",
    "pixels",
    "config",
    "web",
    "show",
    "web_host",
    "web_port",
    "web_name",
    "web_token_file",
    "web_cert",
    "web_key",
    "web_picture",
    "web_theme",
    "viewers",
}


def defaults(function):
    parameters = inspect.signature(function).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def command_defaults() -> dict[str, Any]:
    """Option of `ferlite run` by name: its default."""
    app = typer.Typer(add_completion=False)
    app.command()(run)
    return {option.name: option.default for option in get_command(app).params}


def test_type_checkers_all_and_the_lazy_table_name_the_same():
    tree = ast.parse(Path(ferlite.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    imported = {alias.name: node.module for node in imports for alias in node.names}
    assert imported.pop("errors") is None
    assert imported == ferlite._HOME
    assert sorted(ferlite.__all__) == sorted([*ferlite._HOME, "errors"])
    assert set(ferlite.__all__) <= set(dir(ferlite))


def test_every_public_name_is_what_its_module_holds():
    for name, module in ferlite._HOME.items():
        assert getattr(ferlite, name) is getattr(import_module(f"ferlite.{module}"), name)
    assert ferlite.errors is errors


def test_every_error_class_is_public():
    kinds = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    defined = {name for name, kind in kinds.items() if issubclass(kind, errors.FerliteError)}
    assert defined <= set(ferlite.__all__)
    for name in defined - {"FerliteError"}:
        assert any(base.__module__ == "builtins" for base in kinds[name].__mro__ if base not in FerliteError.__mro__)


def test_importing_ferlite_imports_nothing_heavy():
    code = "import sys, ferlite; dir(ferlite); print([m for m in sys.modules if m.split('.')[0] in " + (
        "{'numpy', 'cv2', 'typer', 'ai_edge_litert', 'tensorflow'} or m.startswith('ferlite.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    assert not hasattr(ferlite, "Pipelin")


def test_open_takes_the_options_of_ferlite_run_by_the_same_names_and_defaults():
    options, signature = command_defaults(), defaults(Pipeline.open)
    shared = set(options) - NO_OPTIONS_OF_A_PIPELINE
    assert {name: signature.get(name, "missing") for name in shared} == {name: options[name] for name in shared}


def test_what_else_the_command_takes_is_an_option_of_the_classifier_or_the_gate():
    options, classifier = command_defaults(), defaults(Classifier.load)
    assert options["pixels"] == classifier["pixels"]
    assert tuple(options["labels"]) == classifier["labels"]
    assert options["min_face"] == Gate().min_face


def test_open_takes_every_option_of_open_source_with_the_same_default():
    assert defaults(open_source).items() <= defaults(Pipeline.open).items()


def test_the_examples_on_the_page_for_python_run(tmp_path, monkeypatch, capsys):
    page = (Path(ferlite.__file__).parent / "docs" / "python.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    images = [VirtualCamera().frame(index).image for index in range(2)]
    monkeypatch.chdir(tmp_path)
    for example in examples:
        without_devices = re.sub(r'"(picamera:0|usb:0|clip\.mp4)"', '"virtual:frames=2"', example)
        exec(without_devices, {"images": images, "image": images[0], "face_image": images[0]})  # noqa: S102
    assert len(examples) >= 8
    assert len((tmp_path / "clip.jsonl").read_text().splitlines()) == 2
    assert "happy" in capsys.readouterr().out


def test_every_public_name_is_on_the_page_for_python():
    page = (Path(ferlite.__file__).parent / "docs" / "python.md").read_text()
    assert [name for name in ferlite.__all__ if f"`{name}" not in page] == []
