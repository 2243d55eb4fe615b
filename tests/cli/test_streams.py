"""Every command, whatever standard output and error lead to."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ferlite.models import modelfile

COMMAND = [sys.executable, "-c", "from ferlite.cli.app import main; main()"]


def ferlite(*arguments, **options):
    return subprocess.run([*COMMAND, *map(str, arguments)], check=False, stderr=subprocess.PIPE, text=True, **options)


PRINTING = [
    ["--version"],
    ["models", "list"],
    ["models", "show", "ferlite-m", "--json"],
    ["run", "virtual:frames=1", "--annotate", "out.mp4"],
    ["demo", "--frames", "2"],
]


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_full_standard_output_is_named_in_one_line(tmp_path, arguments):
    with Path("/dev/full").open("w") as full:
        run = ferlite(*arguments, stdout=full, cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr.count("error: ") == run.stderr.count("standard output: No space left on device") == 1
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("arguments", PRINTING[:1] + PRINTING[3:4], ids=" ".join)
def test_a_closed_standard_output_is_an_error(tmp_path, arguments):
    run = ferlite(*arguments, cwd=tmp_path, preexec_fn=lambda: os.close(1))
    assert run.returncode == 1
    assert run.stderr == "error: standard output is closed; lead it to a file, or to /dev/null\n"
    assert list(tmp_path.iterdir()) == []


def test_no_file_becomes_standard_error_where_that_is_closed():
    program = """
import os
from ferlite.cli.streams import prepare
os.close(0)
os.close(2)
prepare()
print(os.open(os.devnull, os.O_RDONLY))
"""
    run = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE)
    assert int(run.stdout) > 2


def test_a_full_standard_error_does_not_hide_the_exit_code(tmp_path):
    with Path("/dev/full").open("w") as full:
        run = subprocess.run([*COMMAND, "run", "no.mp4"], check=False, stderr=full)
    assert run.returncode == 1


@pytest.mark.parametrize("command", ["list", "show"])
def test_an_ascii_terminal_gets_every_text(tmp_path, graph, record, command):
    name = "b\N{LATIN SMALL LETTER E WITH ACUTE}b\N{CJK UNIFIED IDEOGRAPH-6F22}\N{GRINNING FACE}"
    model = modelfile.write(tmp_path / "a.tflite", graph, replace(record, name=name))
    arguments = ["list"] if command == "list" else ["show", model, "--json"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = ferlite("models", *arguments, stdout=subprocess.PIPE, env=environment)
    assert run.stderr == ""
    assert run.returncode == 0
    if command == "show":
        assert json.loads(run.stdout)["name"] == name
