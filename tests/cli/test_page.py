"""`ferlite run --web`."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from ferlite.cli.app import main
main()
"""
COMMAND = [sys.executable, "-c", PROGRAM, "run"]


def run(*arguments, **environment):
    """Run to the end, and return exit code and stderr."""
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    return done.returncode, done.stderr


def announced(process):
    """Read the line that says where the page is."""
    line = process.stderr.readline()
    assert line.startswith("live page: "), line
    return line.removeprefix("live page: ").strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_with_five_viewers_in_time_and_quietly(number):
    arguments = ["virtual:live=true", "--web", "--web-port", "0", "--output", "/dev/null"]
    with (
        subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True) as process,
        ExitStack() as viewers,
    ):
        try:
            address = announced(process)
            sockets = [
                viewers.enter_context(connect(address.replace("http", "ws") + "ws", compression=None, proxy=None))
                for _ in range(3)
            ]
            for each in sockets:
                assert each.recv(timeout=20)
            # Two more, of which one never reads.
            for _ in range(2):
                viewers.enter_context(urllib.request.urlopen(address + "video.mjpg"))  # noqa: S310
            process.send_signal(number)
            assert process.stderr
            remark = process.stderr.read()
            # What takes longer than 2 seconds is ended with another code; see `Stopping`.
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert remark.startswith("stopped\n")
    assert "Traceback" not in remark
    assert "rror" not in remark


def test_a_journal_gets_the_place_of_the_token_and_a_terminal_the_link(tmp_path):
    arguments = ["virtual:frames=1", "--web", "--web-host", "0.0.0.0", "--web-port", "0"]  # noqa: S104
    code, remark = run(*arguments, STATE_DIRECTORY=str(tmp_path))
    token = (tmp_path / "web-token").read_text().strip()
    assert code == 0
    assert token not in remark
    assert f"(the token is in {tmp_path / 'web-token'})" in remark
    main, child = pty.openpty()
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path), "TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen([*COMMAND, *arguments], stderr=child, stdout=subprocess.DEVNULL, env=environment) as process:
        os.close(child)
        shown = b""
        try:
            while part := os.read(main, 4096):
                shown += part
        except OSError:  # the other end was closed
            pass
        os.close(main)
        assert process.wait() == 0
    assert re.search(rf"live page: http://\S+/#{re.escape(token)}", shown.decode())


def test_a_token_file_is_asked_for_on_loopback_too(tmp_path):
    path = tmp_path / "token"
    path.write_text("open-sesame-0123456789\n")
    arguments = ["virtual:live=true", "--web", "--web-port", "0", "--web-token-file", path, "--output", "/dev/null"]
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True) as process:
        try:
            address = announced(process).partition(" ")[0]
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(address + "healthz")  # noqa: S310
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--web", "--web-host", "nowhere.invalid"], "no name or address of this machine"),
        (["--web", "--web-cert", "none.pem"], "there is no file none.pem"),
        (["--web", "--web-key", "none.pem"], "there is no file none.pem"),
        (["--web", "--web-token-file", "none"], "none"),
        (["--web", "--web-theme", "none.css"], "there is no style sheet none.css"),
        (["--web", "--web-picture", "half"], "full, blur or none"),
        (["--web-port", "8123"], "add --web"),
        (["--viewers", "3"], "add --web"),
        (["--show"], "opencv-python-headless has no window; give --web"),
    ],
)
def test_what_is_wrong_is_one_line_with_the_remedy(arguments, words):
    code, remark = run("virtual:frames=1", *arguments, DISPLAY="", WAYLAND_DISPLAY="")
    assert code in (1, 2)
    assert words in " ".join(remark.split())
    assert "Traceback" not in remark
    assert remark.count("\n") <= 3


def test_show_opens_the_kiosk_view_in_the_browser(tmp_path):
    noted = tmp_path / "noted"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {noted}.part && mv {noted}.part {noted}\n')
    browser.chmod(0o755)
    arguments = ["virtual:live=true", "--show", "--web-port", "0", "--output", "/dev/null"]
    environment = {**os.environ, "DISPLAY": ":7", "BROWSER": str(browser)}
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            address = announced(process)
            while not noted.exists():
                assert process.poll() is None
                time.sleep(0.02)
        finally:
            process.kill()
    assert noted.read_text().strip() == address + "kiosk"


def test_a_run_in_a_pipe_keeps_its_lines_clean():
    done = subprocess.run(
        [*COMMAND, "virtual:frames=2", "--web", "--web-port", "0"], capture_output=True, text=True, check=True
    )
    assert [json.loads(line)["frame"] for line in done.stdout.splitlines()] == [0, 1]
