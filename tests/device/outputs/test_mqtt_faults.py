"""What becomes of messages when a real broker is killed, hangs, is absent or refuses."""

import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from ferlite import DataError, FaceEvent, MissingFileError, Mqtt, OutputError, Pipeline, UsageError
from ferlite.device.outputs.mqtt_broker import open_broker
from ferlite.tools.broker_trial import kill
from ferlite.tools.mosquitto import Listener

PAUSES = (0.05,)
# Where a TLS handshake fails, paho leaves closing the socket to the garbage collector.
PAHO = "ignore::pytest.PytestUnraisableExceptionWarning"
MOST = 20  # messages that one outage may duplicate


@pytest.fixture(scope="module")
def pipeline():
    with Pipeline.open(None) as opened:
        yield opened


@pytest.fixture
def password(tmp_path):
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    return file


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Certificate and key of an authority that signed itself, for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run([*new, *subject, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def event(number):
    return FaceEvent("appeared", number, "happy", 0.9, 0.0, time.time(), 0.2, (0, 0, 40, 40))


def numbers(listener):
    return [each["track_id"] for each in listener.of("/event")]


def becomes(output, text):
    """Wait until the output has such a problem."""
    end = time.monotonic() + 20
    while text not in output.states[0].problem:
        assert time.monotonic() < end, output.states
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_broker_that_is_ended_five_times_costs_nothing(mosquitto, tmp_path, number):
    outcome = kill(tmp_path, [number] * 5, messages=300)
    assert (outcome.lost, outcome.counted) == (0, 0)
    assert outcome.ids == outcome.sent
    assert max(outcome.twice) <= MOST


def test_what_a_full_queue_drops_is_counted_to_the_last_one(mosquitto, tmp_path):
    outcome = kill(tmp_path, [signal.SIGKILL] * 3, messages=200, backlog=10)
    assert outcome.lost == outcome.counted > 0
    assert outcome.ids == outcome.arrived
    assert max(outcome.twice) <= MOST


def test_a_broker_that_is_absent_at_the_start_gets_everything_later(mosquitto, pipeline, own_id, password, caplog):
    address = f"mqtt://camera@127.0.0.1:{mosquitto.port}"
    with Mqtt(pipeline, address, password_file=password, pauses=PAUSES) as output:
        for number in range(50):
            output.event(event(number))
        becomes(output, "nobody listens there")
        mosquitto.logins(listener="listens")
        with Listener(mosquitto.start().port, "listener", "listens") as listener:
            mosquitto.logins(listener="listens", camera="s3cret")
            listener.wait(lambda: numbers(listener) == list(range(50)))
    assert caplog.messages[0] == (
        f"{address}: nobody listens there; check the address, and that the broker runs; trying again"
    )
    assert caplog.messages[-1] == f"{address}: connected"
    assert len(caplog.messages) <= 4  # also, perhaps, that it was not let in, and that the broker ended a connection


def test_of_states_only_the_newest_survives_an_outage(mosquitto, pipeline, own_id):
    with Mqtt(pipeline, f"mqtt://127.0.0.1:{mosquitto.start().port}", pauses=(0.5,)) as output:
        with Listener(mosquitto.port) as listener:
            listener.wait(lambda: listener.of("/availability"))
        mosquitto.stop()
        becomes(output, "lost")
        for number in range(5):
            output.event(event(number))
        mosquitto.start()
        with Listener(mosquitto.port) as listener:
            listener.wait(lambda: listener.of("/availability"))
            assert listener.of("/state") == [{"people": 5, "label": "happy"}]


def test_a_broker_that_hangs_holds_up_nobody_and_what_it_costs_is_counted(mosquitto, pipeline, own_id):
    with Listener(mosquitto.start().port) as listener:
        with Mqtt(pipeline, f"mqtt://127.0.0.1:{mosquitto.port}", backlog=100, pauses=PAUSES) as output:
            listener.wait(lambda: listener.of("/availability"))
            mosquitto.pause()
            for number in range(1000):
                output.event(event(number))
            assert 1000 - 100 - MOST <= output.states[0].dropped <= 900
            mosquitto.resume()
            listener.wait(lambda: 999 in numbers(listener))
            assert len(numbers(listener)) == 1000 - output.states[0].dropped
            mosquitto.pause()
            output.event(event(1000))
        mosquitto.resume()
        listener.wait(lambda: listener.of("/availability")[-1] == "offline")  # the will


def test_a_killed_client_is_declared_offline(mosquitto, own_id, tmp_path):
    program = (
        "import sys, time\nfrom ferlite import Mqtt, Pipeline\n"
        "with Pipeline.open(None) as pipeline, Mqtt(pipeline, sys.argv[1]): time.sleep(60)"
    )
    with Listener(mosquitto.start().port) as listener:
        line = [sys.executable, "-c", program, f"mqtt://127.0.0.1:{mosquitto.port}"]
        with subprocess.Popen(line) as process:
            listener.wait(lambda: listener.of("/availability") == ["online"], 60)
            process.kill()
        listener.wait(lambda: listener.of("/availability") == ["online", "offline"])


def test_two_runs_of_one_installation_need_two_ids(mosquitto, pipeline, own_id):
    address = f"mqtt://127.0.0.1:{mosquitto.start().port}"
    for _ in range(2):
        with (
            Mqtt(pipeline, address),
            Mqtt(pipeline, address, id="another"),
            pytest.raises(OutputError, match=f"another run publishes under the id '{own_id}' already"),
        ):
            Mqtt(pipeline, address)


def test_two_devices_of_one_id_are_told_why_they_lose_the_broker(mosquitto, pipeline, monkeypatch, tmp_path):
    address = f"mqtt://127.0.0.1:{mosquitto.start().port}"
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "first"))
    with Mqtt(pipeline, address, id="copied", pauses=PAUSES) as output:
        monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "second"))
        with Mqtt(pipeline, address, id="copied", pauses=PAUSES):
            becomes(output, "no other client may have the id 'ferlite-copied', as from a copied memory card")


def test_a_closed_output_takes_no_more_and_ends_its_threads(mosquitto, pipeline, own_id):
    before = threading.active_count()
    with Mqtt(pipeline, f"mqtt://127.0.0.1:{mosquitto.start().port}") as output:
        output.event(event(1))
    output.close()
    with pytest.raises(OutputError, match="this output is closed"):
        output.event(event(2))
    assert threading.active_count() == before


def test_a_run_ends_on_a_signal_while_its_broker_hangs(mosquitto, own_id):
    program = [sys.executable, "-c", "from ferlite.cli.app import main; main()", "run", "virtual:live=true"]
    options = ["--output", "/dev/null", "--mqtt", f"mqtt://127.0.0.1:{mosquitto.start().port}"]
    with Listener(mosquitto.port) as listener, subprocess.Popen([*program, *options]) as run:
        listener.wait(lambda: listener.of("/event"), 60)
        mosquitto.pause()
        run.terminate()
        assert run.wait(30) == 0  # 130 where something had to be broken off


@pytest.mark.parametrize(
    ("user", "remedy"),
    [("camera@", "check the user 'camera' in the address and the password"), ("", "name a user in the address")],
)
def test_a_refused_login_is_one_line_and_is_tried_again(mosquitto, pipeline, own_id, password, caplog, user, remedy):
    mosquitto.logins(camera="another", listener="listens")
    file = password if user else None
    address = f"mqtt://{user}127.0.0.1:{mosquitto.start().port}"
    with Mqtt(pipeline, address, password_file=file, pauses=PAUSES) as output:
        becomes(output, "refuses the login")
        time.sleep(5 * PAUSES[0])
        (message,) = caplog.messages
        assert remedy in message
        assert "s3cret" not in message
        if user:
            with Listener(mosquitto.port, "listener", "listens") as listener:
                mosquitto.logins(camera="s3cret", listener="listens")
                listener.wait(lambda: listener.of("/availability"))
            assert output.states[0].problem == ""


@pytest.mark.filterwarnings(PAHO)
def test_tls_asks_for_the_right_authority(mosquitto, pipeline, own_id, certificate, tmp_path):
    mosquitto.encrypt(*certificate)
    address = f"mqtts://127.0.0.1:{mosquitto.start().port}"
    with Mqtt(pipeline, address, ca=certificate[0], pauses=PAUSES) as output:
        for number in range(100):
            output.event(event(number))
    assert output.states[0].dropped == 0
    with Mqtt(pipeline, address, pauses=PAUSES) as output:
        becomes(output, "not trusted (self-signed certificate); name the CA that signed it: --mqtt-ca")
    with Mqtt(pipeline, address.replace("mqtts", "mqtt"), pauses=PAUSES) as output:
        becomes(output, "a broker with TLS wants mqtts://")


@pytest.mark.filterwarnings(PAHO)
def test_a_broker_without_tls_is_named(mosquitto, pipeline, own_id):
    with Mqtt(pipeline, f"mqtts://127.0.0.1:{mosquitto.start().port}", pauses=PAUSES) as output:
        becomes(output, "no TLS there")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("broker.local", "is no address; expected mqtt://"),
        ("http://broker.local", "is no address"),
        ("mqtt://", "is no address"),
        ("mqtt://broker:0", "is no address"),
        ("mqtt://broker:99999", "is no address"),
        ("mqtt://broker/topic", "is no address"),
        ("mqtt://a..b", "is no address"),
        ("mqtt://%00@broker", "is no address"),
        ("mqtt://me:s3cret@broker", "holds a password"),
        ("mqtts://me:s3/cr@et@broker", "holds a password"),
    ],
)
def test_an_address_that_is_none_is_refused_without_a_secret_in_the_message(address, message):
    with pytest.raises(UsageError, match=message) as refused:
        open_broker(address)
    assert "s3" not in str(refused.value)


def test_addresses():
    assert open_broker("mqtt://broker").name == "mqtt://broker:1883"
    assert open_broker("MQTTS://a%40b@broker.local/").user == "a@b"
    assert open_broker("mqtt://[::1]:99").host == "::1"


def test_files_that_are_missing_or_hold_something_else_are_named(tmp_path, certificate):
    (tmp_path / "empty").touch()
    (tmp_path / "two").write_text("one\ntwo\n")
    with pytest.raises(MissingFileError, match="nothing"):
        open_broker("mqtts://broker", ca=tmp_path / "nothing")
    with pytest.raises(DataError, match="holds no certificate"):
        open_broker("mqtts://broker", ca=tmp_path / "two")
    with pytest.raises(UsageError, match="only with TLS"):
        open_broker("mqtt://broker", ca=certificate[0])
    with pytest.raises(MissingFileError, match="nothing"):
        open_broker("mqtt://me@broker", password_file=tmp_path / "nothing")
    for name in ("empty", "two"):
        with pytest.raises(DataError, match=f"{name} must hold one line"):
            open_broker("mqtt://me@broker", password_file=tmp_path / name)
    with pytest.raises(UsageError, match="needs a user"):
        open_broker("mqtt://broker", password_file=tmp_path / "two")


def test_the_password_comes_from_a_file_or_a_systemd_credential(tmp_path, password, monkeypatch):

    def found(**files):
        return open_broker("mqtt://me@broker", **files).password

    assert found(password_file=password) == "s3cret"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert found() == ""
    (tmp_path / "mqtt-password").write_text("of the service")
    assert found() == "of the service"
    assert "of the service" not in repr(open_broker("mqtt://me@broker"))
