"""Streams from a real RTSP server, which is killed and frozen in the middle."""

import signal
import subprocess
from pathlib import Path

import pytest

from ferlite.device.sources.open import open_source
from ferlite.device.sources.recovery import Recovering
from ferlite.device.sources.streams import open_stream

PYTHON = "/usr/bin/python3"
PROBE = "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')"


def bindings_are_there():
    try:
        return subprocess.run([PYTHON, "-c", PROBE], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


pytestmark = pytest.mark.skipif(
    not bindings_are_there(), reason="needs gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good and python3-gi"
)


class Server:
    """Colour bars on one port, however often it is started."""

    def __init__(self):
        self.port = "0"
        self.start()

    def start(self):
        command = [PYTHON, str(Path(__file__).with_name("rtsp_server.py")), self.port]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = self.process.stdout.readline().strip()
        self.url = f"rtsp://127.0.0.1:{self.port}/bars"

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.kill()


def assert_bars(image):
    """The last two of seven bars are red and blue."""
    assert image.shape == (160, 224, 3)
    red, blue = image[50, 176].astype(int), image[50, 208].astype(int)
    assert red[2] > red[0] + 150
    assert blue[0] > blue[2] + 150


def test_an_rtsp_stream_has_its_colours_right(server):
    with open_source(server.url) as source:
        frame = next(iter(source))
        assert (source.live, source.size) == (True, (224, 160))
    assert_bars(frame.image)


def test_a_server_that_is_killed_and_started_again_is_found_again(server):
    killed = [True]

    def pause(seconds):
        if killed:
            killed.pop()
            server.start()

    with Recovering(lambda: open_stream(server.url), server.url, pause=pause) as source:
        frames = iter(source)
        first = next(frames)
        server.kill()
        later = next(frame for frame in frames if source.reopened)
    assert source.reopened == 1
    assert later.index > first.index
    assert_bars(later.image)


def test_a_server_that_freezes_is_left_and_found_again(server, caplog):
    frozen = []

    def pause(seconds):
        if frozen:
            frozen.pop()
            server.kill()
            server.start()

    with Recovering(lambda: open_stream(server.url), server.url, stall=0.7, pause=pause) as source:
        frames = iter(source)
        next(frames)
        server.process.send_signal(signal.SIGSTOP)
        frozen.append(True)
        assert_bars(next(frame for frame in frames if source.reopened).image)
    assert source.reopened == 1
    assert "no frame for 0.7 s" in caplog.text
