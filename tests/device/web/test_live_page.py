"""The live page as viewers find it: WebSocket, pictures, events, numbers."""

import http.client
import json
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.request
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ferlite import FaceFinder, LivePage, MissingFileError, OutputError, Pipeline, RuntimeMissingError, UsageError
from ferlite.device.event_types import StateEvent
from ferlite.device.service import network_checks
from ferlite.device.state import State
from ferlite.device.web import live_page
from ferlite.device.web.pictures import blurred, jpeg


def changed(name, number=0):
    return StateEvent(State(name), float(number), 1.7e9 + number, "running", 1.0)


@pytest.fixture
def encoded(monkeypatch):
    """The pictures that were encoded, one entry each."""
    made = []

    def noted(result, picture):
        made.append(result)
        return jpeg(result, picture)

    monkeypatch.setattr(live_page, "jpeg", noted)
    return made


@contextmanager
def stream(site, path):
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)) as connection:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            yield answer


def test_a_page_gets_picture_result_state_and_what_else_there_is(serve, receive):
    site = serve()
    site.see()
    with site.socket() as viewer:
        message = receive(viewer)
    picture = cv2.imdecode(np.frombuffer(message.picture, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == site.result.frame.image.shape
    about = message.about
    assert about["result"] == site.result.to_json()
    assert about["size"] == [640, 480]
    assert about["state"]["state"] == site.pipeline.state.name
    assert set(about["heat"]) == {"celsius", "throttled"}
    assert about["model"]["name"] == "ferlite-m-ferplus"
    assert about["model"]["labels"] == list(site.pipeline.classifier.labels)
    assert (about["source"], about["picture"]) == (site.pipeline.source.spec, "full")
    assert abs(about["sent"] - site.result.wall) < 1000


def test_without_a_frame_a_page_hears_once_a_second_how_things_are(serve, receive):
    site = serve()
    with site.socket() as viewer:
        for _ in range(2):
            message = receive(viewer)
            assert (message.about["result"], message.about["size"], message.picture) == (None, None, b"")
            viewer.send("next")


def test_an_event_reaches_a_page_at_once_and_once(serve, receive):
    site = serve()
    site.see()
    with site.socket() as viewer:
        assert receive(viewer).about["events"] == []
        viewer.send("next")
        site.page.take(changed("reopening"))
        message = receive(viewer)
        assert [event["state"] for event in message.about["events"]] == ["reopening"]
        assert message.picture == b""
        viewer.send("next")
        assert receive(viewer).about["events"] == []


def test_a_page_that_comes_late_gets_the_newest_20_events(serve, receive):
    site = serve()
    for number in range(30):
        site.page.take(changed("reopening", number))
    with site.socket() as viewer:
        assert [event["time"] for event in receive(viewer).about["events"]] == list(range(10, 30))


def test_a_slow_page_gets_at_most_two_messages_and_then_the_newest(serve, receive):
    site = serve()
    with site.socket() as viewer:
        for number in range(2):
            site.page.write(replace(site.result, dropped=number))
            assert receive(viewer).about["result"]["dropped"] == number
        for number in range(2, 10):
            site.page.write(replace(site.result, dropped=number))
        with pytest.raises(TimeoutError):
            viewer.recv(timeout=0.2)
        viewer.send("next")
        assert receive(viewer).about["result"]["dropped"] == 9


def test_a_frame_is_encoded_once_for_all_and_only_when_somebody_looks(serve, receive, encoded):
    site = serve()
    for _ in range(3):
        site.see()
    assert site.ask("/metrics").status == site.ask("/healthz").status == 200
    assert encoded == []
    with site.socket() as one, site.socket() as other, stream(site, "/video.mjpg") as video:
        assert receive(one).picture == receive(other).picture == part(video) == site.ask("/snapshot.jpg").body
    assert len(encoded) == 1
    site.see()
    assert len(encoded) == 1


def part(video):
    """Return the next picture of a stream."""
    lines = []
    while not lines or lines[-1] != b"":
        lines.append(video.readline().strip())
    (length,) = (line.split(b": ")[1] for line in lines if line.startswith(b"Content-Length"))
    picture = video.read(int(length))
    assert video.read(len(b"\r\n--frame\r\n")) == b"\r\n--frame\r\n"
    return picture


def test_the_video_goes_on_with_each_frame(serve):
    site = serve()
    site.see()
    with stream(site, "/video.mjpg") as video:
        assert video.headers["content-type"] == "multipart/x-mixed-replace; boundary=frame"
        assert video.readline() == b"--frame\r\n"
        first = part(video)
        site.page.write(replace(site.result, faces=()))
        second = part(video)
    assert first.startswith(b"\xff\xd8")
    assert first != second


def test_events_are_sent_as_they_happen(serve):
    site = serve()
    with stream(site, "/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        assert events.readline() == b":\n"
        site.page.take(changed("stalled"))
        lines = [events.readline() for _ in range(4)]
    assert b"event: state\n" in lines
    (data,) = (line for line in lines if line.startswith(b"data: "))
    assert json.loads(data.removeprefix(b"data: "))["state"] == "stalled"


@pytest.mark.parametrize("path", ["/video.mjpg", "/events"])
def test_asking_for_the_head_of_a_stream_ends(serve, path):
    site = serve()
    assert site.ask(path, "HEAD").body == b""
    assert site.metric("ferlite_viewers") == 0


def test_one_viewer_too_many_hears_that(serve, receive):
    site = serve(viewers=2)
    site.see()
    with site.socket() as viewer, stream(site, "/events"):
        assert receive(viewer).picture
        assert site.ask("/video.mjpg").status == site.ask("/events").status == 503
        with pytest.raises(InvalidStatus) as refused, site.socket():
            pass
        assert refused.value.response.status_code == 503
        assert site.ask("/snapshot.jpg").status == 200
        assert site.metric("ferlite_viewers") == 2
        assert site.metric("ferlite_viewers_refused_total") == 3
    while site.metric("ferlite_viewers"):
        pass
    with site.socket() as viewer:
        assert receive(viewer).picture


def test_a_page_that_stops_reading_is_dropped_and_slows_nobody(serve, receive, end_of):
    site = serve(patience=0.5)
    site.see()
    with site.socket() as stuck, site.socket() as viewer:
        receive(stuck)
        count = 0
        while site.metric("ferlite_viewers_dropped_total") == 0:
            assert receive(viewer).about["model"]
            viewer.send("next")
            site.see()
            count += 1
        assert count > 2
        assert end_of(stuck) == 1008
        assert site.metric("ferlite_viewers") == 1


def test_viewers_of_the_video_that_stop_reading_are_dropped_without_growing_memory(serve):
    site = serve(patience=0.5)
    noise = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)
    big = replace(site.result, frame=replace(site.result.frame, image=noise), faces=())
    site.page.write(big)
    stuck = []
    for _ in range(10):
        client = socket.create_connection(("127.0.0.1", site.port), timeout=20)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /video.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stuck.append(client)
    while site.metric("ferlite_viewers") < 10:
        pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while site.metric("ferlite_viewers"):
        site.page.write(replace(big))
    # One picture of noise has 2 MB; frames that waited for ten viewers would have hundreds.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    for client in stuck:
        client.close()


def test_a_page_that_can_let_nobody_in_says_so_once_and_opens_again(serve, caplog, no_descriptors):
    site = serve()
    site.ask("/healthz")
    with socket.socket() as visitor:
        with no_descriptors():
            visitor.connect(("127.0.0.1", site.port))
            while not site.page.states[0].problem:
                pass
        assert "lets nobody in" in site.page.states[0].problem
        while site.page.states[0].problem:
            pass
    assert site.ask("/healthz").status == 200
    assert [record.name for record in caplog.records] == ["ferlite.device.web.server"]


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"GET /", b"GET / HTTP/1.1\r\nUpgrade: h2c"])
def test_strangers_fill_no_log(serve, caplog, garbage):
    site = serve()
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as stranger:
        stranger.sendall(garbage + b"\r\nHost: localhost\r\nConnection: Upgrade\r\n\r\n")
        stranger.recv(1000)
    assert site.ask("/healthz").status == 200
    assert not caplog.records


@pytest.mark.parametrize("picture", ["blur", "none"])
def test_without_the_picture_nobody_can_be_recognised(serve, receive, picture):
    site = serve(picture=picture)
    site.see()
    with site.socket() as viewer:
        message = receive(viewer)
    assert message.about["picture"] == picture
    assert len(message.about["result"]["faces"]) == len(site.result.faces) == 2
    snapshot = site.ask("/snapshot.jpg")
    if picture == "none":
        assert message.picture == b""
        assert (snapshot.status, site.ask("/video.mjpg").status) == (404, 404)
        return
    assert snapshot.body == message.picture
    finder = FaceFinder()
    assert len(finder.find(site.result.frame.image)) == 2
    unlabelled = jpeg(replace(site.result, faces=()), "blur")
    shown: Any = cv2.imdecode(np.frombuffer(unlabelled, np.uint8), cv2.IMREAD_COLOR)
    assert finder.find(shown) == []


def test_a_face_that_fills_the_picture_keeps_8_columns():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (480, 640, 3), np.uint8)
    other = image.copy()
    # Other features with the same mean colours, cell by cell.
    for row in range(6):
        for column in range(8):
            y, x = slice(row * 80, (row + 1) * 80), slice(column * 80, (column + 1) * 80)
            other[y, x] = np.rint(image[y, x].reshape(-1, 3).mean(0))
    assert np.abs(blurred(image).astype(int) - blurred(other)).max() <= 1


def test_health_says_when_no_frame_comes(serve):
    site = serve(stall=0.2)
    site.see()
    while site.ask("/healthz").status == 200:
        pass
    answer = site.ask("/healthz")
    assert (answer.status, answer.body) == (503, b"no frame for 0 s\n")
    assert site.ask("/snapshot.jpg").status == 503


def test_before_the_first_frame_there_is_no_picture_yet(serve):
    assert serve().ask("/snapshot.jpg").status == 503


def test_metrics_pass_promtool_and_number_nobody(serve):
    site = serve()
    site.see()
    site.page.take(changed("reopening"))
    answer = site.ask("/metrics")
    text = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "id=" not in text
    assert 'ferlite_events_total{kind="state"} 1.0' in text
    assert sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("ferlite_faces{")) == 2
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here: Debian's package prometheus has it")
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_two_pages_count_each_for_itself(serve):
    one, other = serve(), serve()
    one.page.take(changed("reopening"))
    assert "ferlite_events_total{" not in other.ask("/metrics").body.decode()


def test_the_owner_s_style_is_served(serve, tmp_path):
    theme = tmp_path / "mine.css"
    theme.write_text("body { color: red }")
    answer = serve(theme=theme).ask("/theme.css")
    assert (answer.body, answer.headers["content-type"]) == (theme.read_bytes(), "text/css; charset=utf-8")
    assert serve().ask("/theme.css").body == b""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    folder = tmp_path_factory.mktemp("tls")
    options = "-x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", "req", *options.split(), *files], check=True, capture_output=True)
    return folder


def test_tls_by_a_certificate(watching, certificate, receive):
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    pipeline, result = watching
    files = {"certificate": certificate / "cert.pem", "key": certificate / "key.pem"}
    with LivePage(pipeline, port=0, token="open-sesame-0123456789", **files) as page:  # noqa: S106
        page.take(result)
        assert page.address.startswith("https://127.0.0.1:")
        port = page._server.port
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=20)
        connection.request("POST", "/login", b'{"token": "open-sesame-0123456789"}')
        cookie, *flags = connection.getresponse().headers["set-cookie"].split("; ")
        assert "Secure" in flags
        address = f"wss://127.0.0.1:{port}/ws"
        with connect(address, ssl=trusting, additional_headers={"Cookie": cookie}, proxy=None) as viewer:
            assert receive(viewer).picture
        connection.close()


@pytest.mark.parametrize("options", [{}, {"token": "open-sesame-0123456789"}, {"certificate": "cert.pem"}])
def test_the_doctor_knows_a_live_page_that_is_there(options, watching, certificate):
    pipeline, _ = watching
    if "certificate" in options:
        options = {"certificate": certificate / "cert.pem", "key": certificate / "key.pem"}
    with LivePage(pipeline, port=0, **options) as page:
        found = network_checks.port("127.0.0.1", page._server.port)
    assert (found.status, found.found.startswith("the live page is at")) == ("ok", True)


def test_a_certificate_that_can_t_be_used_is_named(watching, certificate, tmp_path):
    pipeline, _ = watching
    with pytest.raises(MissingFileError, match=r"none\.pem"):
        LivePage(pipeline, port=0, certificate=tmp_path / "none.pem")
    with pytest.raises(UsageError, match="PEM"):
        LivePage(pipeline, port=0, certificate=certificate / "cert.pem")
    (tmp_path / "empty.pem").touch()
    with pytest.raises(UsageError, match="PEM"):
        LivePage(pipeline, port=0, certificate=tmp_path / "empty.pem", key=certificate / "key.pem")
    with pytest.raises(UsageError, match="without a certificate"):
        LivePage(pipeline, port=0, key=certificate / "key.pem")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_alone_is_reached_without_a_token(watching, host):
    with LivePage(watching[0], host, 0) as page, urllib.request.urlopen(page.address + "metrics") as answer:  # noqa: S310
        assert page.link == page.address
        assert answer.status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104
def test_the_network_is_shown_a_name_that_leads_here(watching, host, tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    with LivePage(watching[0], host, 0) as page:
        name = urlsplit(page.address).netloc
        assert name.partition(":")[0].endswith(".local")
        request = urllib.request.Request(f"http://127.0.0.1:{page._server.port}/", headers={"Host": name})
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            assert answer.status == 200


def test_a_port_in_use_is_named(serve, watching):
    site = serve()
    with pytest.raises(OutputError, match=rf"127.0.0.1:{site.port}: Address already in use; choose another port"):
        LivePage(watching[0], port=site.port)


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "", "a b", "x" * 300])
def test_a_host_that_is_not_this_machine_is_named(watching, host):
    with pytest.raises(UsageError, match="no name or address of this machine"):
        LivePage(watching[0], host, 0)


@pytest.mark.parametrize(
    "options",
    [{"port": 70000}, {"picture": "half"}, {"viewers": 0}, {"stall": 0.0}, {"patience": float("nan")}, {"token": ""}],
)
def test_options_out_of_range_are_refused(watching, options):
    with pytest.raises(UsageError):
        LivePage(watching[0], **{"port": 0, **options})


def test_a_style_that_is_missing_is_named(watching, tmp_path):
    with pytest.raises(MissingFileError, match=r"mine\.css"):
        LivePage(watching[0], port=0, theme=tmp_path / "mine.css")


def test_without_the_extra_the_command_that_installs_it_is_named(watching, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("starlette", "ferlite.device.web.app"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(RuntimeMissingError, match=r"pip install 'ferlite\[web\]'"):
        LivePage(watching[0], port=0)


def test_a_page_that_ends_by_itself_holds_up_no_run(serve, caplog):
    site = serve()
    site.page._server._server.should_exit = True
    site.page._server._thread.join(20)
    site.see()
    assert [state.problem for state in site.page.states] == ["the live page stopped: nobody asked it to"]
    caplog.clear()


def test_a_closed_page_takes_no_more_and_frees_its_port(serve):
    site = serve()
    site.page.close()
    site.page.close()
    with pytest.raises(OutputError, match="closed"):
        site.see()
    with LivePage(site.pipeline, port=site.port):
        pass


def test_viewers_hear_that_the_page_ends(serve, receive, end_of):
    site = serve()
    site.see()
    with site.socket() as viewer, stream(site, "/video.mjpg") as video, stream(site, "/events") as events:
        receive(viewer)
        site.page.close()
        assert end_of(viewer) == 1012
        for each in (video, events):
            with suppress(http.client.IncompleteRead, ConnectionError):
                each.read()


def test_a_run_shows_its_page_among_its_outputs(serve):
    with Pipeline.open("virtual:frames=3") as pipeline, LivePage(pipeline, port=0) as page:
        pipeline.run(page)
        (state,) = pipeline.state.outputs
        assert (state.name, state.problem) == (page.address, "")
        with connect(page.address.replace("http", "ws") + "ws", compression=None, proxy=None) as viewer:
            data = viewer.recv(timeout=20)
        assert isinstance(data, bytes)
        about = json.loads(data[4 : 4 + int.from_bytes(data[:4], "big")])
        assert about["result"]["frame"] == 2
        assert about["events"][-1]["state"] == "ended"
