"""Every check of the doctor: where it finds all well, and where it fails."""

import json
import os
import shutil
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import numpy as np
import pytest

from ferlite.cli.app import main
from ferlite.device.service import device_checks, doctor, machine_checks, network_checks
from ferlite.device.sources.base import Source
from ferlite.device.sources.open import open_source
from ferlite.device.types import Frame
from ferlite.errors import SourceError
from ferlite.models import registry


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(("degrees", "status"), [("48000", "ok"), ("76500", "warn"), ("84000", "fail")])
def test_heat(degrees, status, tmp_path):
    found = machine_checks.heat(write(tmp_path, sys__class__thermal__thermal_zone0__temp=degrees))
    assert (found.status, bool(found.remedy)) == (status, status != "ok")


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        ("0", "ok", "nothing"),
        ("50005", "fail", "now: under-voltage, throttled"),
        ("4", "warn", "now: throttled"),
        ("50000", "warn", "since it was switched on: under-voltage, throttled"),
    ],
)
def test_power(flags, status, words, tmp_path):
    write(tmp_path, sys__devices__platform__soc__firmware__get_throttled=flags)
    found = machine_checks.power(tmp_path)
    assert found.status == status
    assert words in found.found
    assert ("supply" in found.remedy) == ("under-voltage" in found.found)


def test_a_machine_without_sensors_is_well(tmp_path):
    assert machine_checks.heat(tmp_path).status == machine_checks.power(tmp_path).status == "ok"


@pytest.mark.parametrize(("kb", "status"), [(900_000, "ok"), (150_000, "warn"), (60_000, "fail")])
def test_memory(kb, status, tmp_path):
    write(tmp_path, proc__meminfo=f"MemTotal: 999999 kB\nMemAvailable:   {kb} kB\n")
    assert machine_checks.memory(tmp_path).status == status


@pytest.mark.parametrize(("mb", "status"), [(5000, "ok"), (500, "warn"), (50, "fail")])
def test_space_is_that_of_the_fullest_place(mb, status, tmp_path, monkeypatch):
    usage = {tmp_path: 9e12, tmp_path / "card": mb * 1e6}
    (tmp_path / "card").mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda place: type("Usage", (), {"free": usage[place]}))
    found = machine_checks.space([tmp_path / "not/yet", tmp_path / "card/not/yet"])
    assert found.status == status
    assert str(tmp_path / "card") in found.found


def test_clock(tmp_path):
    assert machine_checks.clock(0.0, tmp_path).status == "fail"
    assert machine_checks.clock(4e9, tmp_path).status == "ok"
    (tmp_path / "run/systemd/timesync").mkdir(parents=True)
    assert machine_checks.clock(4e9, tmp_path).status == "warn"
    (tmp_path / "run/systemd/timesync/synchronized").touch()
    assert machine_checks.clock(4e9, tmp_path).status == "ok"


def test_device_nodes(tmp_path, monkeypatch):
    assert "there is no /dev/video*" in machine_checks.nodes(root=tmp_path).found
    (tmp_path / "dev").mkdir()
    node = tmp_path / "dev/video0"
    node.touch()
    assert machine_checks.nodes(root=tmp_path).status == "ok"
    assert machine_checks.nodes(str(node)).status == "ok"
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may open everything
    found = machine_checks.nodes(root=tmp_path)
    assert found.status == "fail"
    assert str(node) in found.found
    assert node.group() in found.remedy


class Still(Source):
    """Gives one picture again and again, or nothing, or an error."""

    spec, live, size = "still", True, (64, 48)

    def __init__(self, image=None, error=None):
        self.image, self.error = image, error

    def watch(self):
        for number in range(100):
            yield None if self.image is None else Frame(self.image, number, number / 15)

    def __iter__(self):
        return (frame for frame in self.watch() if frame)

    def open(self):
        if self.error:
            raise self.error
        return self

    def close(self):
        pass


def picture(*colour):
    noise = np.random.default_rng(0).integers(0, 20, (48, 64, 3))
    return np.clip(noise + colour, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        (Still(picture(90, 100, 110)), "ok", "10 frames of 64 x 48"),
        (Still(picture(-9, -9, -9)), "warn", "shows nothing"),
        (Still(np.full((48, 64, 3), 128, np.uint8)), "warn", "shows nothing"),
        (Still(picture(20, 180, 30)), "warn", "true colours"),
        (Still(), "fail", "no frame"),
        (Still(error=SourceError("in use\nby another")), "fail", "in use by another"),
    ],
)
def test_camera(source, status, words):
    seconds = iter(range(1000))
    found = device_checks.camera(source.open, clock=lambda: next(seconds))
    assert found.status == status
    assert words in found.found


def test_a_drawn_camera_has_plausible_colours():
    assert device_checks.camera(lambda: open_source("virtual:")).status == "ok"


@pytest.mark.parametrize(
    ("program", "needed", "status", "words"),
    [
        ("exit 0", True, "ok", "can be imported"),
        ("echo \"ModuleNotFoundError: No module named 'picamera2'\" >&2; exit 1", True, "fail", "not installed"),
        ("echo \"ModuleNotFoundError: No module named 'picamera2'\" >&2; exit 1", False, "ok", "not installed"),
        ("echo 'ValueError: numpy.dtype size changed' >&2; exit 1", True, "fail", "numpy.dtype size changed"),
        ("kill -SEGV $$", False, "warn", "ended with -11"),
    ],
)
def test_picamera2(program, needed, status, words, tmp_path):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755)
    found = device_checks.picamera2(str(python), needed=needed)
    assert found.status == status
    assert words in found.found
    assert device_checks.picamera2(str(tmp_path / "none")).status == "fail"


def test_runtime(tmp_path):
    assert device_checks.runtime("ferlite-m").status == "ok"
    hidden = device_checks.runtime("ferlite-m", root=tmp_path)
    assert hidden.status == "fail"
    assert "ProcSubset" in hidden.remedy
    assert device_checks.runtime("ferlite-m", limit=0).found.endswith("slow")
    (tmp_path / "x.tflite").write_bytes(b"no model")
    assert device_checks.runtime(tmp_path / "x.tflite").status == "fail"


def test_a_runtime_without_xnnpack_is_named(monkeypatch):
    monkeypatch.setattr(device_checks.LoadedModel, "uses_xnnpack", False)
    found = device_checks.runtime("ferlite-m")
    assert (found.status, found.remedy) == ("warn", "pip install ai-edge-litert")


def test_models(tmp_path, monkeypatch):
    assert device_checks.models().status == "ok"
    content = bytearray(registry.path("ferlite-m").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "ferlite-m.tflite").write_bytes(content)
    assert device_checks.models([tmp_path / "ferlite-m.tflite"]).status == "fail"
    # A whole file that is another than the one that was shipped.
    shutil.copy(registry.path("yunet"), tmp_path / "ferlite-m.tflite")
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    monkeypatch.setattr(registry, "is_shipped", lambda content: False)
    found = device_checks.models(["ferlite-m"])
    assert "not as shipped" in found.found
    assert "--force-reinstall ./ferlite-" in found.remedy


def test_broker():
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()
        assert network_checks.broker(*place).status == "ok"
    found = network_checks.broker(*place)
    assert found.status == "fail"
    assert "refused" in found.found


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.end_headers()

    def log_message(self, format, *args):
        pass


def test_port():
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        host, number = other.getsockname()
    assert network_checks.port(host, number).status == "ok"
    with HTTPServer((host, 0), Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        assert network_checks.port(host, server.server_port).status == "fail"
        server.shutdown()
        thread.join()
    with socket.socket() as silent:
        silent.bind((host, 0))
        silent.listen(0)
        found = network_checks.port("127.0.0.1", _answering_otherwise(silent))
    assert (found.status, found.remedy) == ("fail", "end what uses it, or take another port")


def _answering_otherwise(listening):
    """Answer one connection with what is no HTTP, and return the port."""

    def answer():
        connection, _ = listening.accept()
        connection.sendall(b"220 mail\r\n")
        connection.close()

    Thread(target=answer, daemon=True).start()
    return listening.getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ("LoadState=loaded\nActiveState=active\nNRestarts=0", "ok", "active"),
        ("LoadState=loaded\nActiveState=active\nNRestarts=7", "warn", "started again 7 times"),
        ("LoadState=loaded\nActiveState=failed\nNRestarts=0", "fail", "failed"),
        ("LoadState=not-found\nActiveState=inactive\nNRestarts=0", "ok", "not installed"),
        ("", "ok", "does not run here"),
    ],
)
def test_unit(answer, status, words, tmp_path, monkeypatch):
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\ncat <<END\n{answer}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = network_checks.unit("ferlite.service")
    assert found.status == status
    assert words in found.found


def test_all_checks_of_a_camera_are_made_and_the_quick_ones_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    quick = [finding.check for finding in doctor.examine("picamera:0", quick=True)]
    every = [finding.check for finding in doctor.examine("picamera:0", broker=("127.0.0.1", 1), page=("127.0.0.1", 0))]
    assert quick == ["models", "runtime", "heat", "power", "memory", "space", "clock"]
    assert every == [*quick, "device nodes", "picamera2", "camera", "broker", "port", "unit"]


def test_the_command_exits_with_1_where_a_check_fails(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["ferlite", "doctor", "usb:77", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    findings = {finding["check"]: finding["status"] for finding in json.loads(capsys.readouterr().out)}
    assert findings["camera"] == "fail"
    assert findings["models"] == "ok"


def test_what_a_configuration_names_is_looked_at(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ferlite.toml").write_text(
        'source = "virtual:"\nmodel = ["mine.tflite"]\nmqtt = "mqtt://127.0.0.1:1"\nweb = true\nweb-port = 0\n'
    )
    monkeypatch.setattr("sys.argv", ["ferlite", "doctor", "--config", "ferlite.toml", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    findings = {finding["check"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert "mine.tflite" in findings["models"]["found"]
    assert "127.0.0.1:1" in findings["broker"]["found"]
    assert {name: findings[name]["status"] for name in ("camera", "port", "broker")} == {
        "camera": "ok",
        "port": "ok",
        "broker": "fail",
    }
