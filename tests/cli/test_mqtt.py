"""`ferlite run --mqtt` and `ferlite mqtt remove`, against a real broker."""

import sys

import pytest

from ferlite.cli.app import main
from ferlite.tools.mosquitto import Listener

RUN, REMOVE = ("run", "virtual:frames=3", "--output", "/dev/null", "--mqtt"), ("mqtt", "remove")


@pytest.fixture
def ferlite(monkeypatch, capsys):
    """Runs a command line; gives its exit code, and what it printed to stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["ferlite", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return left.value.code, printed.out, printed.err

    return run


@pytest.fixture
def address(mosquitto):
    return f"mqtt://127.0.0.1:{mosquitto.start().port}"


def test_a_run_publishes_and_remove_clears_what_it_left(ferlite, mosquitto, address, own_id):
    with Listener(mosquitto.port) as listener:
        code, _, errors = ferlite("run", "virtual:frames=20", "--mqtt", address, "--mqtt-name", "Kiosk")
        assert code == 0, errors
        listener.wait(lambda: listener.of("/availability")[-1:] == ["offline"])
        assert listener.of(f"homeassistant/device/{own_id}/config")[0]["device"]["name"] == "Kiosk"
        assert [event["event_type"] for event in listener.of(f"{own_id}/event")] == ["appeared", "left"]
    code, out, _ = ferlite("mqtt", "remove", address)
    assert code == 0
    assert f"cleared homeassistant/device/{own_id}/config\n" in out
    with Listener(mosquitto.port) as listener:
        listener.publish("end", "")
        listener.wait(lambda: listener.messages)
        assert listener.messages == [("end", "", False)]


def test_another_id_and_prefix_are_those_of_the_topics(ferlite, mosquitto, address, own_id):
    options = ["--mqtt-id", "hall", "--mqtt-discovery", "house"]
    with Listener(mosquitto.port) as listener:
        ferlite("run", "virtual:frames=3", "--mqtt", address, *options)
        ferlite("mqtt", "remove", address, *options)
        listener.wait(lambda: any(payload == "" for _, payload, _ in listener.messages))
    assert {topic.split("/")[0] for topic, _, _ in listener.messages} == {"ferlite", "house"}
    assert {topic.split("/")[1] for topic, _, _ in listener.messages} == {"hall", "device"}


@pytest.mark.parametrize("command", [RUN, REMOVE])
@pytest.mark.parametrize(
    ("address", "options", "code", "error"),
    [
        ("mqtt://me:s3cret@broker", (), 2, "the address of the MQTT broker holds a password"),
        ("broker", (), 2, "the MQTT broker 'broker' is no address; expected mqtt://broker.local"),
        ("mqtts://broker", ("--mqtt-ca", "nothing.pem"), 1, "can't read nothing.pem"),
        ("mqtt://me@broker", ("--mqtt-password-file", "nothing"), 1, "can't read nothing"),
        ("mqtt://broker", ("--mqtt-discovery", "#"), 2, "the prefix for discovery is '#'"),
        ("mqtt://broker", ("--mqtt-id", "a/b"), 2, "the id for MQTT is 'a/b'"),
    ],
)
def test_what_can_not_work_is_one_line_with_the_remedy(ferlite, own_id, command, address, options, code, error):
    ended, out, errors = ferlite(*command, address, *options)
    assert (ended, out) == (code, "")
    assert errors.startswith(f"error: {error}")
    assert "s3cret" not in errors


def test_an_option_for_a_broker_that_is_not_named_is_refused(ferlite):
    code, _, errors = ferlite("run", "virtual:frames=1", "--output", "/dev/null", "--mqtt-name", "Kiosk")
    assert (code, errors) == (2, "error: --mqtt-name is for an MQTT broker: add --mqtt mqtt://HOST\n")


@pytest.mark.parametrize("command", [RUN, REMOVE])
def test_a_missing_extra_is_named(ferlite, own_id, command, monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt", None)
    code, _, errors = ferlite(*command, "mqtt://broker")
    assert code == 1
    expected = "MQTT needs paho-mqtt, which comes with the extra 'mqtt': pip install 'ferlite[mqtt]'"
    assert errors.splitlines()[0] == f"error: {expected}"


def test_remove_at_a_broker_that_refuses_the_login_is_one_line(ferlite, mosquitto, own_id):
    mosquitto.logins(somebody="else")
    code, out, errors = ferlite("mqtt", "remove", f"mqtt://127.0.0.1:{mosquitto.start().port}")
    assert (code, out) == (1, "")
    assert errors.count("\n") == 1
    assert "refuses the login (Not authorized); name a user in the address" in errors
