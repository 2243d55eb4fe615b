"""`ferlite service`, with programs in systemd's place that write down what they are asked."""

import os
import sys
from pathlib import Path

import pytest

from ferlite.cli.app import main
from ferlite.device.service.manager import Manager
from ferlite.errors import OutputError, ServiceError

RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >> "$ASKED"
case "$*" in $REFUSES) echo "Failed to connect to bus: No medium found" >&2; exit 1;; esac
[ "$2" = status ] && echo "active (running)" && exit 3
exit 0
"""


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Installs the programs; returns what they were asked."""
    programs, log = tmp_path / "bin", tmp_path / "asked"
    programs.mkdir()
    for name in ("systemctl", "journalctl"):
        (programs / name).write_text(RECORDER)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("ASKED", str(log))
    monkeypatch.setenv("REFUSES", "nothing")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return lambda: log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def ferlite(monkeypatch, capfd):
    """Runs the command line; returns exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["ferlite", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfd.readouterr()
        return left.value.code, out, err

    return run


@pytest.fixture
def config(tmp_path, asked):
    file = tmp_path / "config/ferlite/ferlite.toml"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


@pytest.fixture
def unit(tmp_path):
    return tmp_path / "config/systemd/user/ferlite.service"


def test_a_users_service_is_installed_started_and_removed(ferlite, config, unit, asked):
    code, out, _ = ferlite("service", "install", "--user")
    assert code == 0
    assert "enable-linger" in out
    text = unit.read_text()
    assert f"ferlite run --wait --config {config}" in text
    assert "DynamicUser" not in text
    assert asked() == [
        "systemctl --user daemon-reload",
        "systemctl --user enable ferlite.service",
        "systemctl --user restart --no-block ferlite.service",
    ]
    code, out, _ = ferlite("service", "remove", "--user")
    assert (code, unit.exists()) == (0, False)
    assert asked()[3:] == ["systemctl --user disable --now ferlite.service", "systemctl --user daemon-reload"]


def test_a_dry_run_prints_the_unit_and_changes_nothing(ferlite, asked, unit, tmp_path):
    for user in ([], ["--user"]):
        code, out, err = ferlite("service", "install", "--dry-run", "--network", *user)
        assert code == 0
        assert out.startswith("[Unit]\n")
        assert ("network-online" in out) != bool(user)
        assert "ferlite.service" in err
    assert asked() == []
    assert not unit.parent.exists()


def test_secrets_reach_the_unit_by_their_files(ferlite, asked):
    _, out, _ = ferlite("service", "install", "--dry-run", "--credential", "mqtt-password=/etc/ferlite/password")
    assert "LoadCredential=mqtt-password:/etc/ferlite/password\n" in out
    code, _, err = ferlite("service", "install", "--dry-run", "--credential", "secret")
    assert code == 2
    assert "expected a name and an absolute path" in err


def test_without_a_configuration_nothing_is_installed(ferlite, asked, unit):
    code, _, err = ferlite("service", "install", "--user")
    assert code == 1
    assert "ferlite.toml, which the service needs" in err
    assert (asked(), unit.exists()) == ([], False)


def test_a_service_that_could_not_begin_is_not_installed(ferlite, config, asked, unit):
    config.write_text("web-prot = 1\n")
    code, _, err = ferlite("service", "install", "--user")
    assert code == 1
    assert "did you mean 'web-port'" in " ".join(err.split())
    assert (asked(), unit.exists()) == ([], False)


def test_status_and_logs_are_those_of_systemd_with_its_exit_code(ferlite, asked):
    assert ferlite("service", "status", "--user")[:2] == (3, "active (running)\n")
    assert ferlite("service", "logs", "--lines", "7", "--follow")[0] == 0
    assert ferlite("service", "logs", "--user")[0] == 0
    assert asked() == [
        "systemctl --user status --no-pager ferlite.service",
        "journalctl --no-pager --unit ferlite.service --lines=7 --follow",
        "journalctl --no-pager --user-unit ferlite.service --lines=50",
    ]


def test_what_systemd_refuses_is_one_line_with_the_remedy(ferlite, config, monkeypatch):
    monkeypatch.setenv("REFUSES", "*enable*")
    code, _, err = ferlite("service", "install", "--user")
    assert code == 1
    (line,) = err.splitlines()
    assert "systemctl --user enable ferlite.service failed: Failed to connect to bus: No medium found; log in" in line


def test_without_systemd_it_says_so_and_leaves_nothing(ferlite, config, unit, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    for arguments in (["install"], ["status"], ["logs"]):
        code, _, err = ferlite("service", *arguments, "--user")
        assert code == 1
        assert "this machine is not run by systemd" in err
    assert not unit.exists()


def test_what_is_not_installed_can_not_be_removed(ferlite, asked):
    code, _, err = ferlite("service", "remove", "--user")
    assert code == 1
    assert "no service is installed here" in err
    assert asked() == []


def test_a_folder_that_can_not_be_written_names_sudo(asked, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="use sudo, or --user"):
        Manager(folder=tmp_path / "file").install("[Unit]\n")
    assert asked() == []


def test_a_systemctl_that_hangs_is_an_error(asked, tmp_path, monkeypatch):
    monkeypatch.setattr("ferlite.device.service.manager._PATIENCE", 0.01)
    (tmp_path / "bin/systemctl").write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(ServiceError, match="did not end"):
        Manager(folder=tmp_path).install("[Unit]\n")


def test_the_unit_of_the_machine_can_be_read_by_all(asked, tmp_path):
    Manager(folder=tmp_path).install("[Unit]\n")
    assert Path(tmp_path / "ferlite.service").stat().st_mode & 0o777 == 0o644
    assert asked()[0] == "systemctl daemon-reload"
