"""Hostile values for every option, and hostile files for every command: refused in one line, or done.

Commands and options come from the command line itself, so that new ones are attacked, too. The examples are
the same each time; `FERLITE_ATTACKS=2000 pytest -n 0 tests/attacks` tries more of them by hand.
"""

import inspect
import os
from typing import Any, get_args

import pytest
import typer.main
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ferlite.cli.commands import app

EXAMPLES = int(os.environ.get("FERLITE_ATTACKS", "150"))
tried = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

COMMANDS = {
    "quickstart": "--out faces.csv",
    "demo": "--source picture.png --model tiny.tflite --out drawn.png",
    "run": "picture.png --model tiny.tflite --output out.jsonl",
    "doctor": "picture.png --config options.toml --quick",
    "data": "faces.csv",
    "train": "--recipe recipe.toml --data faces.csv --out new",
    "runs": ".",
    "study": "study.toml --data faces.csv --out new --no-int8",
    "convert": "run --data faces.csv --out new",
    "bench accuracy": "tiny.tflite --data faces.csv",
    "bench pipeline": "picture.png --model tiny.tflite",
    "bench faces": "--data .",
    "bench events": "--model tiny.tflite --persons 1 --seconds 4",
    "bench gates": "--data faces.csv --model tiny.tflite",
    "bench footprint": "tiny.tflite --runs 1",
    "bench latency": "tiny.tflite --seconds 0 --queries 1 --cold-starts 0",
    "bench compare": "accuracy.json accuracy.json",
    "report": ".",
    "config init": "new.toml",
    "config check": "options.toml",
    "config show": "options.toml",
    "models list": "",
    "models show": "tiny.tflite",
    "models verify": "tiny.tflite",
    "models path": "ferlite-m",
    "models try": "ferlite-m --config options.toml --seconds 1",
    "mqtt remove": "mqtt://127.0.0.1:1",
    "service install": "--dry-run --user --config options.toml",
    "service update": "new.whl --user",
    "service remove": "--user",
}
"""A good and quick use of each command, from which the attacks start."""

LONG = {
    "bench footprint",
    "bench latency",
    "bench pipeline",
    "bench faces",
    "bench events",
    "bench gates",
    "demo",
    "run",
}
"""Commands that may be asked to work for long; after a while Ctrl-C is pressed."""

HOSTILE = [
    "", " ", "-", "--", ".", "~", "*", "a" * 300, "x/" * 3000, "\x1b[31mred\x1b]0;title\x07", "[/b]", "[red]",
    ":smile:", "\n", "a\nerror: b", "\udcff.png", "\u202e\u2066", "\x9b31m", "\ufeff", "%s%n", "{0}", "'\"`$(id)",
    "None", "nan", "1e999", "/dev/null", "/dev/full", "/proc/self/mem", "/dev/zero", "file/in/file",
    "rtsp://user:se/cret@localhost:1/", "http://localhost:1/#token=secret", "http://[::1", "virtual:faces=1e9",
    "usb:99999", "picamera:999999999999", "virtual:size=0x0", "https://localhost:1/?password=secret",
    "file:///etc/passwd", "ferlite-m.tflite",
]  # fmt: skip
NUMBERS = [
    "-1", "0", "1", "2", "-0", "1.5", "2147483647", "2147483648", "4294967296", "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "1" + "0" * 21, "9" * 5000, "1e3", "1e308", "1e-308", "1e400", "nan",
    "inf", "-inf", "0x10", "1_000", " 1", "\u0661", "", "--", "1,5", "True",
]  # fmt: skip
NAMES = [
    "all", "test", "train", "happy,sad", "happy,happy", "int8", "int8,int8", "float16", "64x64", "1x1",
    "99999x99999", "quickstart", "eigenfaces", "ferlite-m", "onet", "yunet", "none", "NASNet=none", "labels",
    "ferplus", "3%", "nan%", "1-99", "99-1", "virtual:faces=2,frames=3", "virtual:", "out.jsonl", "out.mp4",
    "out.png", "out.", "out.jpg", "shots",
]  # fmt: skip
FILES = [
    "faces.csv", "votes.csv", "recipe.toml", "options.toml", "study.toml", "accuracy.json", "tiny.tflite",
    "bare.tflite", "clip.avi", "sound.wav", "faces", "faces/train", "run", "new/deep/out", "link", "loop", ".",
    "nothing",
    *(f"picture{suffix}" for suffix in (".png", ".jpg", ".tiff", ".webp", ".bmp", ".gif")),
]  # fmt: skip


def commands(command: Any = None, name: str = "") -> dict[str, Any]:
    """Every command by its name."""
    command = command or typer.main.get_command(app)
    under = getattr(command, "commands", {})
    if not under:
        return {name: command}
    return {full: leaf for key, sub in under.items() for full, leaf in commands(sub, f"{name} {key}".strip()).items()}


KNOWN = commands()


def test_every_command_is_attacked():
    # These two print what systemd says.
    assert set(KNOWN) - {"service status", "service logs"} == set(COMMANDS)


def values(annotation: Any) -> st.SearchStrategy[str]:
    """Values for an option: of its own kind, out of range, and of no kind at all."""
    kind = str(get_args(annotation)[:1] or annotation)
    wild = st.sampled_from(HOSTILE) | st.text(max_size=30)
    if "int" in kind or "float" in kind:
        return st.sampled_from(NUMBERS) | st.integers().map(str) | st.floats().map(str) | wild
    return st.sampled_from(FILES) | st.sampled_from(NAMES) | wild


@st.composite
def command_lines(draw: st.DrawFn, name: str) -> list[str]:
    """A good command line of which up to three values are changed."""
    command, words = KNOWN[name], COMMANDS[name].split()
    kinds = inspect.get_annotations(command.callback, eval_str=True)
    arguments = [option for option in command.params if option.param_type_name == "argument"]
    for option in draw(st.lists(st.sampled_from(command.params), min_size=1, max_size=3)):
        given = [draw(values(kinds[option.name])) for _ in range(max(option.nargs, 1))]
        if option in arguments:
            place = arguments.index(option)
            words[place : place + 1] = given
        elif option.is_flag:
            words.append(draw(st.sampled_from([*option.opts, *option.secondary_opts])))
        else:
            words += [option.opts[0], *given]
    return [*name.split(), *words]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Ctrl-C in a callback
@tried
@given(st.data())
def test_no_option_breaks_the_command_line(attack, data):
    name = data.draw(st.sampled_from(sorted(COMMANDS)))
    arguments = data.draw(command_lines(name))
    attack(*arguments, patience=1.0 if name in LONG else None)


@pytest.mark.parametrize("stdout", ["/dev/full", "/dev/null"])
def test_no_standard_output_breaks_a_command(attack, stdout):
    for name in sorted(set(COMMANDS) - {"bench footprint", "bench latency"}):
        attack(*name.split(), *COMMANDS[name].split(), stdout=stdout)
