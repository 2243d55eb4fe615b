"""The unit, judged by systemd's own tools, which need no systemd that runs."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from ferlite.device.service.unit import check_readable, render
from ferlite.errors import UsageError

ODD = "with space 100%h $HOME a;b"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian: systemd)"
)


@pytest.fixture
def analyze(tmp_path):
    """Lets systemd-analyze judge a unit; returns its exit code and all that it printed."""

    def run(verb, text, *options):
        file = tmp_path / "ferlite.service"
        file.write_text(text)
        environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
        command = ["systemd-analyze", verb, *options, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def program(tmp_path):
    """A program with all that a path may hold."""
    file = tmp_path / ODD / "ferlite"
    file.parent.mkdir()
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return str(file)


def values(text, key):
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


@needs_systemd
@pytest.mark.parametrize("user", [False, True])
def test_systemd_has_nothing_to_say_against_it(analyze, program, user):
    more = {} if user else {"network": True, "credentials": {"mqtt-password": Path("/etc/fer lite/100% secret")}}
    text = render([program, "run", "--config", "/etc/a b/100%.toml", "", ";"], user=user, **more)
    assert analyze("verify", text, "--man=no", *["--user"] * user) == (0, "")


@needs_systemd
def test_systemd_finds_a_program_of_an_odd_path_by_its_own_name(analyze, program):
    Path(program).unlink()
    code, said = analyze("verify", render([program, "run"]), "--man=no")
    assert code == 1
    assert f"Command {program} is not executable" in said


@needs_systemd
def test_it_is_as_closed_as_a_camera_and_a_network_allow(analyze, program):
    _, said = analyze("security", render([program, "run"], network=True), "--offline=true", "--no-pager")
    (score,) = re.findall(r"Overall exposure level for ferlite.service: ([\d.]+)", said)
    assert float(score) <= 2.0


def test_what_the_models_read_is_not_hidden(program):
    text = render([program, "run"])
    assert "ProcSubset" not in text
    assert values(text, "PrivateDevices") == []
    assert values(text, "DeviceAllow") == ["char-video4linux rw", "char-media rw", "char-dma_heap rw", "/dev/vcio rw"]


@pytest.mark.parametrize(
    "word", ["plain", "two words", 'a "quote"', "back\\slash", "100 %", "$HOME", "", "ünï", "it's", ";"]
)
def test_an_argument_arrives_as_it_was(word):
    (line,) = values(render(["/usr/bin/ferlite", word, "end"]), "ExecStart")
    # The quoting of systemd.service(5) is that of a shell, but for percent signs; the colon leaves dollars alone.
    assert [part.replace("%%", "%") for part in shlex.split(line)] == [":/usr/bin/ferlite", word, "end"]


@pytest.mark.parametrize("command", [[], ["ferlite", "run"], ["/a\nb"], ["/a", "b\nRestart=no"], ["/it's"], ["/b\\n"]])
def test_a_command_that_can_not_be_written_is_an_error(command):
    with pytest.raises(UsageError):
        render(command)


def test_a_secret_of_a_path_that_can_not_be_written_is_an_error():
    with pytest.raises(UsageError, match="unit"):
        render(["/a"], credentials={"secret": Path("/etc/a\nUser=root")})


def test_a_users_service_has_no_credentials():
    with pytest.raises(UsageError, match="credentials"):
        render(["/a"], user=True, credentials={"secret": Path("/etc/a")})


def test_it_waits_for_the_network_only_where_it_is_needed():
    assert values(render(["/a"]), "After") == []
    assert values(render(["/a"], network=True), "Wants") == ["network-online.target"]
    assert values(render(["/a"], network=True), "After") == ["network-online.target"]
    assert values(render(["/a"], network=True, user=True), "After") == []  # there is none


@pytest.mark.parametrize(("program", "home"), [("/opt/ferlite/bin/ferlite", "yes"), ("/home/pi/ferlite", "read-only")])
def test_homes_are_hidden_unless_the_program_lies_in_one(program, home):
    assert values(render([program]), "ProtectHome") == [home]


def test_it_is_started_again_for_ever_and_watched():
    text = render(["/a"])
    assert values(text, "Restart") == ["always"]
    assert values(text, "StartLimitIntervalSec") == ["0"]
    assert values(text, "Type") == ["notify"]
    assert values(text, "WatchdogSec") == values(text, "TimeoutStartSec") == ["180"]


@pytest.fixture
def open_folder(monkeypatch):
    """A folder that everybody may read; pytest's own are for the user alone."""
    monkeypatch.setattr("ferlite.device.service.unit._OWN_TMP", ())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_file_that_the_service_may_not_read_is_named_before(open_folder):
    file = open_folder / "ferlite"
    file.touch()
    file.chmod(0o644)
    check_readable(file)
    file.chmod(0o600)
    with pytest.raises(UsageError, match=f"may not read {file}; .* or use --user"):
        check_readable(file)
    file.chmod(0o644)
    file.parent.chmod(0o700)
    with pytest.raises(UsageError, match=f"may not read {file.parent};"):
        check_readable(file)


def test_what_lies_in_tmp_is_out_of_a_services_sight():
    with pytest.raises(UsageError, match="can't see this one"):
        check_readable(Path("/tmp/ferlite.toml"))  # noqa: S108
