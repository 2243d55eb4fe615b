"""What is printed, whatever names and messages hold."""

import io
import json
import logging
import sys

import pytest
from rich.table import Table

from ferlite.cli import console
from ferlite.cli.app import main

HOSTILE = "[/b] \x1b[31m \x9b1m :smile: \udcff\u202e"
SHOWN = "[/b] \N{REPLACEMENT CHARACTER}[31m \N{REPLACEMENT CHARACTER}1m :smile: " + 2 * "\N{REPLACEMENT CHARACTER}"


@pytest.fixture
def screen(monkeypatch):
    """A terminal of a hundred columns in place of stderr."""
    text = io.StringIO()
    terminal = console.PlainConsole(file=text, width=100, force_terminal=True, color_system=None)
    monkeypatch.setattr(console, "console", terminal)
    return text


def test_names_are_shown_without_control_characters_and_mark_up(screen, capsys):
    console.echo(HOSTILE)
    assert capsys.readouterr().out == SHOWN + "\n"
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)
    console.console.print(table)
    console.console.print(HOSTILE)
    assert screen.getvalue().count(SHOWN) == 4


def test_what_is_being_done_is_shown_without_control_characters_and_mark_up(screen):
    with console.status(HOSTILE) as show:
        show(HOSTILE)
    with console.progress(HOSTILE) as share:
        share(0.5, HOSTILE)
    assert SHOWN in screen.getvalue()
    assert "\x1b[31m" not in screen.getvalue()


def test_a_warning_is_shown_without_control_characters_and_mark_up(screen):
    console.Remarks().emit(logging.makeLogRecord({"msg": HOSTILE}))
    assert screen.getvalue() == SHOWN + "\n"


def test_json_holds_what_a_terminal_would_obey_escaped(capsys):
    console.print_json({"name": HOSTILE, "spoken": "traurig, \N{LATIN SMALL LETTER U WITH DIAERESIS}"})
    printed = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in printed)
    assert json.loads(printed)["name"] == HOSTILE
    assert "\N{LATIN SMALL LETTER U WITH DIAERESIS}" in printed


@pytest.mark.parametrize("line", ["run no\x1b[31m.mp4", "data no\nerror:.csv", "models show no\udcff.tflite"])
def test_an_error_is_one_printable_line(line, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ferlite", *line.split(" ")])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert shown[:-1].isprintable()


@pytest.mark.parametrize(
    "line",
    [
        "run rtsp://user:se/cret@localhost:1/ --reopen 0 --output out.jsonl",
        "run --source rtsp://user:se/cret@localhost:1/ rtsp://other:se/cret@localhost:1/",
        "run http://localhost:1/#token=se/cret --reopen 0 --output out.jsonl",
        "run http://localhost:1/user=a&password=se/cret&channel=1 --reopen 0 --output out.jsonl",
        "run ferlite-m --model rtsp://user:se/cret@localhost:1/",
        "data rtsp://user:se/cret@localhost:1/",
        "demo --source https://user:se/cret@localhost:1/#x",
    ],
)
def test_no_error_shows_a_secret(line, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ferlite", *line.split()])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().err
    assert "error: " in shown
    assert "cret" not in shown
