import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from ferlite.device.outputs.video import AnnotatedVideo, video_writer
from ferlite.device.sources.open import open_source
from ferlite.device.types import Frame, FrameResult
from ferlite.errors import OutputError, SourceError

PRELUDE = """
import os, sys
if sys.argv[2] == "mjpeg":
    sys.modules["av"] = None
import numpy as np
from ferlite.device.outputs.video import AnnotatedVideo
from ferlite.device.types import Frame, FrameResult

def result(index):
    image = np.random.default_rng(index).integers(0, 255, (120, 160, 3), np.uint8)
    return FrameResult(Frame(image, index, index / 20), ())
"""
KILLED = "s = AnnotatedVideo(sys.argv[1], 20)\nfor i in range(12): s.write(result(i))\nos.kill(os.getpid(), 9)"


@pytest.fixture(params=["h264", "mjpeg"])
def codec(request, monkeypatch):
    """Write videos with PyAV, and as if it were not installed."""
    video_writer.cache_clear()
    if request.param == "mjpeg":
        monkeypatch.setitem(sys.modules, "av", None)
        monkeypatch.delitem(sys.modules, "ferlite.device.outputs.h264_mp4", raising=False)
    else:
        pytest.importorskip("av")
    yield request.param
    video_writer.cache_clear()


def a_result(index=0, size=(160, 120), time=None, value=0):
    image = np.full((size[1], size[0], 3), value, np.uint8)
    return FrameResult(Frame(image, index, index / 20 if time is None else time), ())


def write_video(path, count=12, size=(160, 120), colour=(30, 30, 220)):
    with AnnotatedVideo(path, 20) as output:
        for index in range(count):
            result = a_result(index, size)
            result.frame.image[:] = colour
            output.write(result)
    return path


def run_child(program, *arguments, **environment):
    command = [sys.executable, "-c", PRELUDE + program, *map(str, arguments)]
    env = {**os.environ, **environment}
    return subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", env=env)


def read(path):
    with open_source(path) as source:
        return list(source)


def probe(path):
    """What ffprobe says of a video's stream, and the times of its frames."""
    if shutil.which("ffprobe") is None:
        pytest.skip("no ffprobe here")
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_entries", "frame=pts_time", path]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    # The rotation of a damaged matrix is said on standard error.
    assert run.stderr == ""
    probed = json.loads(run.stdout)
    return probed["streams"][0], [float(frame["pts_time"]) for frame in probed["frames"]]


# What is in the file


@pytest.mark.parametrize(("size", "shape"), [((640, 480), "4:3"), ((161, 121), None)])
def test_ffprobe_finds_square_pixels_every_frame_and_its_time(tmp_path, codec, size, shape):
    stream, times = probe(write_video(tmp_path / "out.mp4", size=size))
    # 4:2:0 pixels come in pairs.
    expected = (size[0] + size[0] % 2, size[1] + size[1] % 2) if codec == "h264" else size
    assert (stream["width"], stream["height"]) == expected
    assert (stream["codec_name"], stream["pix_fmt"]) == {
        "h264": ("h264", "yuv420p"),
        "mjpeg": ("mjpeg", "yuvj420p"),
    }[codec]
    assert stream["sample_aspect_ratio"] == "1:1"
    assert stream["display_aspect_ratio"] == (shape or stream["display_aspect_ratio"])
    assert "side_data_list" not in stream  # no rotation
    assert np.allclose(times, np.arange(12) / 20, atol=0.0006)
    assert float(stream["duration"]) == pytest.approx(12 / 20, abs=0.0006)


def test_a_video_reads_back_with_its_frames_times_and_colours(tmp_path, codec):
    path = tmp_path / "new/out.mp4"
    with AnnotatedVideo(path, 20) as output:
        for index in range(12):
            result = a_result(index, size=(161, 121))
            result.frame.image[:, :80] = (30, 30, 220)
            output.write(result)
    output.close()
    frames = read(path)
    assert np.allclose([frame.time for frame in frames], np.arange(12) / 20, atol=0.002)
    assert frames[0].image.shape == ((122, 162, 3) if codec == "h264" else (121, 161, 3))
    assert np.abs(frames[5].image[60, 40].astype(int) - (30, 30, 220)).max() < 12
    # What fills an odd side up goes on as the picture ends.
    assert frames[5].image[-1, -1].max() < 12


def test_frames_are_shown_when_they_were_seen(tmp_path, codec):
    times = [100.0, 100.5, 102.0, 102.0, 101.0, 103.25]
    path = tmp_path / "out.mp4"
    with AnnotatedVideo(path, 20) as output:
        for index, time in enumerate(times):
            output.write(a_result(index, time=time))
    # Time never stands still or runs back: a millisecond at least.
    expected = [0.0, 0.5, 2.0, 2.001, 2.002, 3.25]
    assert np.allclose([frame.time for frame in read(path)], expected, atol=0.0015)


def test_frames_of_another_size_are_fitted_into_the_first(tmp_path, codec):
    path = tmp_path / "out.mp4"
    with AnnotatedVideo(path, 20) as output:
        output.write(a_result(0, size=(160, 120), value=200))
        output.write(a_result(1, size=(120, 160), value=200))
        output.write(a_result(2, size=(640, 100), value=200))
    _, tall, wide = (frame.image for frame in read(path))
    assert tall.shape == wide.shape == (120, 160, 3)
    assert tall[60, 80].min() > 180
    assert tall[60, 10].max() < 20
    assert wide[60, 5].min() > 180
    assert wide[10, 80].max() < 20


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 1)])
def test_a_tiny_frame_has_a_video_too(tmp_path, codec, size):
    assert len(read(write_video(tmp_path / "out.mp4", 3, size))) == 3


def test_a_picture_that_no_encoder_takes_is_an_error_that_names_its_size(tmp_path, codec):
    with AnnotatedVideo(tmp_path / "out.mp4", 20) as output, pytest.raises(OutputError, match="70000 x 2"):
        output.write(a_result(size=(70_000, 2)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(20_000, 4), (70_000, 2)])
def test_a_picture_that_no_encoder_takes_leaves_the_file_that_was_there(tmp_path, codec, size):
    if codec == "mjpeg" and max(size) < 1 << 16:
        pytest.skip("JPEG holds it")
    path = write_video(tmp_path / "out.mp4", 2)
    before = path.read_bytes()
    with AnnotatedVideo(path, 20) as output, pytest.raises(OutputError, match=f"{size[0]} x {size[1]}"):
        output.write(a_result(size=size))
    assert path.read_bytes() == before


# When writing ends early


class _CutOff(SimpleHTTPRequestHandler):
    """Promises a whole file and breaks off in the middle of it."""

    def copyfile(self, source: Any, outputfile: Any):
        outputfile.write(source.read()[: os.fstat(source.fileno()).st_size // 2])

    def log_message(self, format: str, *args: object):
        pass


@pytest.mark.parametrize("pace", [1, 4])
def test_a_finished_video_that_is_cut_off_in_transfer_says_so(tmp_path, codec, pace):
    with AnnotatedVideo(tmp_path / "out.mp4", 20) as output:
        for index in range(30):
            output.write(a_result(index, time=index * pace / 20, value=index))
    assert len(read(tmp_path / "out.mp4")) == 30
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_CutOff, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with pytest.raises(SourceError, match=r"out\.mp4 broke off: \d+ of about \d+ frames came"):
            read(f"http://127.0.0.1:{server.server_port}/out.mp4")
        server.shutdown()


def test_a_killed_run_loses_the_last_frame_at_most(tmp_path, codec):
    path = tmp_path / "out.mp4"
    assert run_child(KILLED, path, codec).returncode == -signal.SIGKILL
    # How long a picture is shown is known, and its fragment written, when the next one comes.
    assert len(read(path)) == (11 if codec == "h264" else 12)
    stream, _ = probe(path)
    assert stream["sample_aspect_ratio"] == "1:1"


def test_a_full_disk_is_an_error_and_leaves_a_playable_video(tmp_path, codec):
    # A limit on the file's size stands in for the end of the disk.
    path = tmp_path / "out.mp4"
    program = """
import resource
from ferlite.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
with AnnotatedVideo(sys.argv[1], 20) as s:
    try:
        for i in range(100): s.write(result(i))
    except OutputError as error:
        print(i, error)
"""
    run = run_child(program, path, codec)
    written, message = run.stdout.split(" ", 1)
    assert str(path) in message
    assert "free space" in message
    assert len(read(path)) == int(written) - (codec == "h264") > 5
    assert probe(path)[1] == pytest.approx([n / 20 for n in range(len(read(path)))], abs=0.0006)


def test_a_video_without_a_frame_is_not_left_behind(tmp_path, codec):
    with AnnotatedVideo(tmp_path / "out.mp4", 20):
        pass
    assert list(tmp_path.iterdir()) == []


# Names


def test_any_file_name_works_where_the_locale_knows_ascii_alone(tmp_path, codec):
    program = """
for name in os.listdir(sys.argv[1]):
    with AnnotatedVideo(os.path.join(sys.argv[1], name), 20) as s:
        for i in range(3): s.write(result(i))
"""
    names = ["Gesichter-é漢.mp4", os.fsdecode(b"not-utf-8-\xff.mp4")]
    for name in names:
        (tmp_path / name).touch()
    run = run_child(program, tmp_path, codec, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert run.returncode == 0, run.stderr
    for name in names:
        assert len(read((tmp_path / name).rename(tmp_path / "plain.mp4"))) == 3


# The choice between the two


def test_without_pyav_the_way_to_h264_is_shown_once():
    program = "import tempfile\nfor n in '12': AnnotatedVideo(tempfile.mkdtemp() + '/out.mp4').close()"
    run = run_child(program, "-", "mjpeg")
    assert run.returncode == 0
    assert len(run.stderr.splitlines()) == 1
    assert "pip install 'ferlite[video]'" in run.stderr


def test_pyav_is_loaded_only_for_a_video():
    pytest.importorskip("av")
    program = """
from ferlite.device.outputs.open import open_annotated
import tempfile
folder = tempfile.mkdtemp()
open_annotated(folder).close()
before = "av" in sys.modules
open_annotated(folder + "/out.mp4").close()
print(before, "av" in sys.modules)
"""
    run = run_child(program, "-", "h264")
    assert run.stdout.split() == ["False", "True"]
    assert run.stderr == ""


PAGE = """<script>
const shown = {}, names = ["whole", "killed", "mjpeg"];
for (const name of names) {
    const video = document.createElement("video");
    video.onended = video.onerror = () => {
        const canvas = document.createElement("canvas").getContext("2d");
        canvas.drawImage(video, 0, 0);
        shown[name] = {error: video.error && video.error.code, size: [video.videoWidth, video.videoHeight],
                       time: video.currentTime, pixel: [...canvas.getImageData(40, 40, 1, 1).data]};
        if (Object.keys(shown).length == names.length)
            fetch("/shown", {method: "POST", body: JSON.stringify(shown)});
    };
    video.muted = true;
    video.src = name + ".mp4";
    video.play().catch(() => {});
}
</script>"""


@pytest.fixture
def chromium(tmp_path):
    """Open tmp_path / page.html in a browser and return what it posts."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium here")
    posted: queue.Queue[bytes] = queue.Queue()

    class Handler(SimpleHTTPRequestHandler):
        def do_POST(self):
            posted.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format, *args):
            pass

    def show():
        options = (
            "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
            "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required "
            f"--user-data-dir={tmp_path / 'profile'} http://127.0.0.1:{server.server_port}/page.html"
        )
        silent = subprocess.DEVNULL
        with subprocess.Popen([program, *options.split()], stdout=silent, stderr=silent) as browser:
            try:
                return json.loads(posted.get(timeout=120))
            finally:
                browser.terminate()

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield show
        server.shutdown()


def test_a_browser_plays_a_video_also_of_a_killed_run(tmp_path, chromium):
    pytest.importorskip("av")
    run_child(KILLED, tmp_path / "killed.mp4", "h264")
    write_video(tmp_path / "whole.mp4", size=(641, 481))
    run_child("with AnnotatedVideo(sys.argv[1], 20) as s: s.write(result(0))", tmp_path / "mjpeg.mp4", "mjpeg")
    (tmp_path / "page.html").write_text(PAGE)
    shown = chromium()
    assert shown["whole"]["error"] is shown["killed"]["error"] is None
    assert shown["whole"]["size"] == [642, 482]
    assert shown["whole"]["time"] == pytest.approx(0.6, abs=0.001)
    assert np.abs(np.subtract(shown["whole"]["pixel"], (220, 30, 30, 255))).max() < 8
    assert shown["killed"]["size"] == [160, 120]
    assert shown["killed"]["time"] == pytest.approx(0.55, abs=0.001)
    # The reason for the other: MEDIA_ERR_SRC_NOT_SUPPORTED.
    assert shown["mjpeg"]["error"] == 4
