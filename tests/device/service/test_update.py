"""Updating the service: a real wheel into a real virtual environment, with a program in systemd's place."""

import os
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from ferlite.cli.app import main
from ferlite.device.service.manager import Manager
from ferlite.device.service.update import install_beside, switch, try_out
from ferlite.errors import MissingFileError, ServiceError, UsageError

SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$PLACE/asked"
case "$*" in
*restart*) echo x >> "$PLACE/starts" ;;
*show*)
  starts=$(wc -l < "$PLACE/starts" 2>/dev/null || echo 0)
  unit=$(cat "$PLACE/units/ferlite.service")
  # What is started looks at a frame, but for what is bad.
  case "$unit" in *bad*) echo ActiveState=activating ;; *) echo ActiveState=active ;; esac
  echo "InvocationID=$starts" ;;
esac
"""


@pytest.fixture
def manager(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/systemctl").write_text(SYSTEMCTL)
    (tmp_path / "bin/systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("PLACE", str(tmp_path))
    manager = Manager(folder=tmp_path / "units")
    (tmp_path / "starts").write_text("")
    manager.install("[Service]\nExecStart=:/opt/ferlite/bin/ferlite run --wait\n")
    return manager


def wheel(folder, name="ferlite", version="9.9"):
    """A wheel whose program writes down what it is asked."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    program = (
        "import sys, pathlib\n"
        "def main():\n"
        "    pathlib.Path(sys.prefix, 'asked').open('a').write(' '.join(sys.argv[1:]) + '\\n')\n"
    )
    with ZipFile(path, "w") as archive:
        archive.writestr("newer.py", program)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\nferlite = newer:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_the_program_of_a_unit_is_found(manager):
    assert manager.program() == Path("/opt/ferlite/bin/ferlite")
    manager.install('ExecStart=":/opt/a b/100%%/bin/ferlite" run\n')
    assert manager.program() == Path("/opt/a b/100%/bin/ferlite")
    manager.install("[Service]\n")
    with pytest.raises(MissingFileError, match="names no program"):
        manager.program()


def test_the_service_runs_the_new_program_once_that_saw_a_frame(manager):
    switch(manager, Path("/opt/ferlite-2/bin/ferlite"))
    assert manager.text() == "[Service]\nExecStart=:/opt/ferlite-2/bin/ferlite run --wait\n"


def test_the_old_program_runs_again_where_the_new_one_sees_nothing(manager, tmp_path):
    before, seconds, waits = manager.text(), iter(range(1000)), []
    with pytest.raises(ServiceError, match="no frame within 60 s; the version before runs again"):
        switch(manager, Path("/opt/bad/bin/ferlite"), clock=lambda: next(seconds), sleep=waits.append)
    assert manager.text() == before
    assert len(waits) == 59
    assert (tmp_path / "starts").read_text().count("x") == 3


def test_the_old_program_runs_again_where_nobody_waits_for_the_new_one(manager):
    def stopped(seconds):
        raise KeyboardInterrupt

    before = manager.text()
    with pytest.raises(KeyboardInterrupt):
        switch(manager, Path("/opt/bad/bin/ferlite"), sleep=stopped)
    assert manager.text() == before


def test_a_wheel_is_installed_beside_and_examines_the_machine(tmp_path):
    old = tmp_path / "opt/ferlite/bin/ferlite"
    old.parent.mkdir(parents=True)
    new = install_beside(wheel(tmp_path), old)
    assert new == tmp_path / "opt/ferlite-9.9/bin/ferlite"
    try_out(new)
    asked = (tmp_path / "opt/ferlite-9.9/asked").read_text().splitlines()
    assert asked == ["doctor --quick", "demo --frames 10 --out demo.mp4"]
    with pytest.raises(UsageError, match="runs already"):
        install_beside(wheel(tmp_path), new)


def test_a_program_that_fails_at_a_trial_is_named(tmp_path):
    program = tmp_path / "ferlite"
    program.write_text('#!/bin/sh\n[ "$1" != demo ] || { echo no good >&2; exit 1; }\n')
    program.chmod(0o755)
    with pytest.raises(ServiceError, match=r"ferlite demo .* failed: no good; the service is as it was"):
        try_out(program)


def test_what_is_no_wheel_of_ferlite_is_named(tmp_path):
    old = tmp_path / "opt/ferlite/bin/ferlite"
    (tmp_path / "text.whl").write_text("no archive")
    for path, error in (
        (wheel(tmp_path, name="other"), UsageError),
        (tmp_path / "text.whl", UsageError),
        (tmp_path / "none.whl", MissingFileError),
    ):
        with pytest.raises(error, match=path.name):
            install_beside(path, old)
    assert not (tmp_path / "opt").exists()


def test_an_installation_that_fails_leaves_what_is_there(tmp_path):
    (tmp_path / "opt").write_text("a file in the way")
    with pytest.raises(ServiceError, match="the service is as it was"):
        install_beside(wheel(tmp_path), tmp_path / "opt/ferlite/bin/ferlite")
    assert (tmp_path / "opt").read_text() == "a file in the way"


def test_without_a_service_there_is_nothing_to_update(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["ferlite", "service", "update", "x.whl", "--user"])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert "no service is installed" in " ".join(capsys.readouterr().err.split())
