import io
import json
import queue
import sys
import threading
import types
from concurrent.futures import Future
from itertools import islice
from typing import ClassVar

import cv2
import numpy as np
import pytest

from ferlite import Pipeline
from ferlite.benchmarks.pipeline import measure
from ferlite.cli.summary import Summary
from ferlite.device.outputs.json_lines import JsonLines
from ferlite.device.sources import cameras, handles, recovery
from ferlite.device.sources.handles import Handle
from ferlite.device.sources.open import open_source
from ferlite.device.sources.recovery import Recovering
from ferlite.device.sources.streams import open_stream
from ferlite.errors import SourceError, UsageError

RED, BLUE = (30, 30, 220), (220, 30, 30)


def red_and_blue(width, height):
    image = np.empty((height, width, 3), np.uint8)
    image[:, : width // 2] = RED
    image[:, width // 2 :] = BLUE
    return image


class FakePicamera2:
    """A camera that keeps to Picamera2's documented behaviour.

    "RGB888" arrays have their bytes in the order B, G, R and "BGR888" in R, G, B; rows of YUV420 are
    padded; sizes are even; a configuration is adjusted to what the camera has; a camera is configured,
    then started, then read; it is held by one at a time.
    """

    cameras = ({"Model": "imx708", "Location": 2, "Num": 0},)
    camera_controls: ClassVar = {"AfMode": (0, 2, 0), "FrameDurationLimits": (0, 1, 0)}
    held = False
    gives = 3
    adjusts_to = ""
    set_controls: ClassVar[dict] = {}

    @classmethod
    def global_camera_info(cls):
        return list(cls.cameras)

    def __init__(self, camera_num=0):
        if FakePicamera2.held:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        FakePicamera2.held = True
        self._main = None
        self._running = False
        self._left = self.gives

    def create_video_configuration(self, main=None, controls=None):
        main = {"format": "XBGR8888", "size": (1280, 720)} | (main or {})
        if any(side % 2 for side in main["size"]):
            raise RuntimeError("width and height should be even")
        return {"main": main, "controls": controls or {}}

    def configure(self, configuration):
        self._main = dict(configuration["main"])
        self._main["format"] = self.adjusts_to or self._main["format"]
        type(self).set_controls = configuration["controls"]

    def camera_configuration(self):
        return {"main": self._main}

    def start(self):
        assert self._main is not None
        self._running = True

    def capture_array(self, name="main", wait=None, signal_function=None):
        """Return a job, as Picamera2 does for `wait=False`; one that is never done, where no picture comes."""
        assert wait is False
        job = Future()
        if not self._running or not self._left:
            job.set_exception(RuntimeError("Camera grab failed."))
        elif self._left > 0:
            self._left -= 1
            assert self._main is not None
            job.set_result(as_picamera2_has_it(red_and_blue(*self._main["size"]), self._main["format"]))
        if signal_function is not None:
            job.add_done_callback(signal_function)
        return job

    def wait(self, job):
        return job.result()

    def close(self):
        self._running = False
        FakePicamera2.held = False


def as_picamera2_has_it(image, form):
    if form == "NV12":
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        height, width = image.shape[:2]
        chroma = planes[height:].reshape(2, -1).T.reshape(height // 2, width)
        return np.vstack([planes[:height], chroma])
    if form == "YUV420":
        padded = cv2.copyMakeBorder(image, 0, 0, 0, 64, cv2.BORDER_CONSTANT)
        return cv2.cvtColor(padded, cv2.COLOR_BGR2YUV_I420)
    return {
        "RGB888": image,
        "BGR888": image[:, :, ::-1],
        "MJPEG": image[:, :, ::-1],
        "XRGB8888": np.dstack([image, np.full(image.shape[:2], 255, np.uint8)]),
        "XBGR8888": np.dstack([image[:, :, ::-1], np.full(image.shape[:2], 255, np.uint8)]),
        "R8": image[..., 0],
    }[form]


@pytest.fixture
def picamera2(monkeypatch):
    module = types.ModuleType("picamera2")
    vars(module)["Picamera2"] = FakePicamera2
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setattr(FakePicamera2, "held", False)
    return FakePicamera2


@pytest.fixture
def no_picamera2(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)


def assert_red_left(image):
    height, width = image.shape[:2]
    assert image[height // 2, width // 4].argmax() == 2
    assert image[height // 2, 3 * width // 4].argmax() == 0


def test_picamera_gives_bgr_at_640_by_480(picamera2):
    with open_source("picamera:0") as source:
        frame = next(iter(source))
    assert frame.image.shape == (480, 640, 3)
    assert_red_left(frame.image)
    assert (source.size, source.live, source.rate, source.spec) == ((640, 480), True, None, "picamera:0")
    assert not picamera2.held


def test_picamera_takes_a_size_made_even_and_a_rate(picamera2):
    with open_source("picamera:0", size=(321, 241), rate=15, rotate=90) as source:
        assert source.size == (240, 320)
        assert source.rate == 15
        assert source.live


def test_picamera_that_stops_says_so_after_its_frames(picamera2):
    seen = []
    with open_source("picamera:0", reopen=0) as source, pytest.raises(SourceError, match=r"broke off.*grab failed"):
        seen.extend(frame.index for frame in source)
    # Only the newest is kept, so a busy machine may miss the middle one; what is missed is counted.
    assert (seen[0], seen[-1], len(seen) + source.dropped) == (0, 2, 3)
    assert seen == sorted(set(seen))
    assert not picamera2.held


def test_the_first_frame_after_a_pause_is_the_newest(picamera2):
    before = set(threading.enumerate())
    with open_source("picamera:0", reopen=0) as source:
        # The camera gives three pictures and stops.
        for thread in set(threading.enumerate()) - before:
            thread.join(5)
        assert next(iter(source)).index == 2
        assert source.dropped == 2


@pytest.mark.parametrize("form", ["BGR888", "XRGB8888", "XBGR8888", "NV12", "YUV420", "MJPEG"])
def test_a_picamera_without_rgb888_is_converted(picamera2, monkeypatch, form):
    monkeypatch.setattr(picamera2, "adjusts_to", form)
    with open_source("picamera:0", size=(320, 240)) as source:
        frame = next(iter(source))
        assert source.size == (320, 240)
    assert frame.image.shape == (240, 320, 3)
    assert_red_left(frame.image)


def test_a_picamera_with_a_format_of_its_own_is_refused_and_given_back(picamera2, monkeypatch):
    monkeypatch.setattr(picamera2, "adjusts_to", "R8")
    with pytest.raises(SourceError, match=r"in R8; ferlite reads RGB888"):
        open_source("picamera:0")
    assert not picamera2.held


def test_picamera_focuses_where_it_is_told_to_and_can(picamera2, monkeypatch):
    open_source("picamera:0").close()
    assert picamera2.set_controls == {}
    open_source("picamera:0", autofocus=True, rate=15).close()
    assert picamera2.set_controls == {"AfMode": 2, "FrameRate": 15}
    monkeypatch.setattr(picamera2, "camera_controls", {})
    open_source("picamera:0", autofocus=True).close()
    assert picamera2.set_controls == {}


def test_a_picamera_that_hangs_is_given_back_when_closed(picamera2, monkeypatch):
    monkeypatch.setattr(cameras, "_CAPTURE_SLICE", 0.01)
    source = cameras.PiCamera()
    source._camera._left = -1  # from now on no picture is ever ready
    reader = threading.Thread(target=list, args=(source,))
    reader.start()
    source.close()
    reader.join(5)
    assert not picamera2.held


def test_a_picamera_that_never_gives_a_picture_does_not_open(picamera2, monkeypatch):
    monkeypatch.setattr(cameras, "_CAPTURE_SLICE", 0.01)
    monkeypatch.setattr(cameras, "_CAPTURE_TIMEOUT", 0.02)
    monkeypatch.setattr(picamera2, "gives", -1)
    with pytest.raises(SourceError, match=r"no picture for 0.02 s; .*ribbon"):
        open_source("picamera:0")
    assert not picamera2.held


def test_picamera_errors_name_the_remedy(picamera2, monkeypatch):
    with pytest.raises(SourceError, match=r"no camera 1 .*imx708.*rpicam-hello"):
        open_source("picamera:1")
    with open_source("picamera:0"), pytest.raises(SourceError, match="another program"):
        open_source("picamera:0")
    monkeypatch.setattr(picamera2, "gives", 0)
    with pytest.raises(SourceError, match="ribbon"):
        open_source("picamera:0")
    assert not picamera2.held


def test_picamera2_missing_names_the_apt_line(no_picamera2):
    with pytest.raises(SourceError, match="sudo apt install -y python3-picamera2 --no-install-recommends") as caught:
        open_source("picamera:0")
    assert "--system-site-packages" in str(caught.value)


def test_picamera2_for_another_numpy(monkeypatch, tmp_path):
    (tmp_path / "picamera2.py").write_text("raise ValueError('numpy.dtype size changed')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    with pytest.raises(SourceError, match=r"numpy.dtype size changed.*numpy<2"):
        open_source("picamera:0")


def test_a_usb_camera_that_is_not_there_names_those_that_are(monkeypatch):
    monkeypatch.setattr(cameras, "video_devices", lambda: ["/dev/video0"])
    with pytest.raises(SourceError, match=r"/dev/video987.*present: /dev/video0"):
        open_source("usb:987")


def test_a_device_that_is_no_camera(capfd):
    with pytest.raises(SourceError, match=r"in use by another program.*fuser"):
        open_source("usb:/dev/null")
    assert capfd.readouterr().err == ""


def test_no_permission_names_the_group(monkeypatch):
    monkeypatch.setattr(cameras.os, "access", lambda path, mode: False)
    with pytest.raises(SourceError, match=r"sudo usermod -aG video \$USER"):
        open_source("usb:/dev/null")


class FakeCapture:
    """What a `cv2.VideoCapture` of a USB camera gives: pictures until it is unplugged."""

    def __init__(self, pictures):
        self.pictures = pictures
        self.released = False

    def get(self, number):
        return 30.0

    def read(self):
        if not self.pictures:
            return False, None
        self.pictures -= 1
        return True, red_and_blue(160, 120)

    def release(self):
        self.released = True


class Usb:
    """Which USB cameras are plugged in, and what was asked of them when they were opened."""

    def __init__(self):
        self.plugged = {}
        self.asked = []

    def open_capture(self, device, backend, options=()):
        self.asked = list(options)
        return self.plugged.get(device)


@pytest.fixture
def usb(monkeypatch):
    usb = Usb()
    monkeypatch.setattr(cameras, "_NO_PICTURE", 0.02)
    monkeypatch.setattr(cameras, "open_capture", usb.open_capture)
    monkeypatch.setattr(cameras, "video_devices", lambda: sorted(usb.plugged))
    return usb


def test_a_usb_camera_is_asked_for_mjpg_before_its_size_and_gives_bgr(usb):
    usb.plugged["/dev/video0"] = capture = FakeCapture(5)
    with open_source("usb:0", size=(160, 120), rate=30) as source:
        assert_red_left(next(iter(source)).image)
        assert (source.spec, source.size, source.rate, source.live) == ("/dev/video0", (160, 120), 30.0, True)
    assert capture.released
    assert usb.asked[::2] == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
    ]


def test_a_usb_camera_that_is_unplugged_and_plugged_in_elsewhere_is_found_by_auto(usb, no_picamera2):
    usb.plugged["/dev/video0"] = first = FakeCapture(3)
    waited = []

    def pause(seconds):
        waited.append(usb.plugged.pop("/dev/video0", None))
        if len(waited) == 15:  # of the second pause
            usb.plugged["/dev/video1"] = FakeCapture(1000)

    with Recovering(cameras.open_any, "auto", pause=pause) as source:
        assert source.spec == "/dev/video0"
        next(frame for frame in source if source.reopened)
        assert (source.spec, source.reopened) == ("/dev/video1", 1)
        assert 15 < len(waited) < 40
    assert first.released


def test_auto_passes_over_a_device_that_gives_no_picture(usb, no_picamera2):
    usb.plugged |= {"/dev/video0": FakeCapture(0), "/dev/video1": FakeCapture(5)}
    with open_source("auto") as source:
        assert source.spec == "/dev/video1"
    assert usb.plugged["/dev/video0"].released


def test_a_decoder_that_fails_on_every_picture_is_a_loss(usb, monkeypatch):
    usb.plugged["/dev/video0"] = capture = FakeCapture(1)
    source = cameras.UsbCamera("/dev/video0")
    monkeypatch.setattr(capture, "read", lambda: cv2.cvtColor(np.zeros(0, np.uint8), cv2.COLOR_BGR2GRAY))
    with pytest.raises(SourceError, match="broke off after 1 frames; it was unplugged"):
        list(source)
    assert source.damaged == 0


def test_damaged_pictures_of_a_stream_are_passed_over_and_counted(serve_mjpeg, jpeg):
    parts = [b"damaged" if n % 10 == 9 else jpeg for n in range(60)]
    with open_stream(serve_mjpeg(parts)) as source:
        frames = list(islice(source, 50))
    # FFmpeg drops a picture or two of its own while it finds out what the stream holds.
    assert [frame.index for frame in frames] == list(range(50))
    assert 4 <= source.damaged <= 5


def test_what_is_damaged_is_counted_through_a_pipeline_and_a_loss(serve_mjpeg, jpeg, monkeypatch):
    address = serve_mjpeg([jpeg, jpeg, b"damaged", jpeg, b"", jpeg] * 4)
    summary, lines = Summary(), io.StringIO()
    monkeypatch.setattr(recovery, "_FIRST_DELAY", 0.01)
    with Pipeline.open(address, rotate=90) as pipeline:
        while summary.reopened < 2:
            pipeline.run(JsonLines(lines), summary, frames=1)
    counts = [json.loads(line)["damaged"] for line in lines.getvalue().splitlines()]
    assert counts == sorted(counts)
    assert counts[-1] >= 10
    assert f"{summary.damaged} damaged, reopened: 2" in str(summary)


def test_auto_takes_the_pi_camera(picamera2):
    with open_source("auto") as source:
        assert source.spec == "picamera:0"


def test_auto_without_any_camera_lists_what_was_tried(no_picamera2, monkeypatch, caplog):
    monkeypatch.setattr(cameras, "video_devices", lambda: ["/dev/video987", "/dev/video988"])
    with pytest.raises(SourceError) as caught:
        open_source("auto")
    assert all(word in str(caught.value) for word in ("picamera:0", "/dev/video987", "/dev/video988"))
    assert [record.message.split()[1] for record in caplog.records] == ["/dev/video987:", "/dev/video988:"]
    monkeypatch.setattr(cameras, "video_devices", list)
    with pytest.raises(SourceError, match=r"there is no /dev/video"):
        open_source("auto")


def test_auto_waits_until_every_dead_device_had_its_time(usb, no_picamera2, monkeypatch):
    usb.plugged |= {f"/dev/video{n}": FakeCapture(0) for n in range(5)}
    now = [0.0]

    def wait(condition, ready, seconds):
        now[0] += seconds
        return False

    defaults = (Recovering.__init__.__kwdefaults__ or {}) | {"wait": wait, "clock": lambda: now[0]}
    monkeypatch.setattr(Recovering.__init__, "__kwdefaults__", defaults)
    with pytest.raises(SourceError, match=f"auto does not open: no frame for {30 + 5 * 15} s"):
        open_source("auto")


@pytest.fixture
def mjpeg(serve_mjpeg):
    """Where a camera on the network sends ten pictures and hangs up, without http://."""
    jpeg = cv2.imencode(".jpg", red_and_blue(160, 120))[1].tobytes()
    return serve_mjpeg([jpeg] * 10).removeprefix("http://")


def test_an_http_stream_gives_bgr_and_its_end_is_an_error(mjpeg):
    frames = []
    with open_stream(f"http://{mjpeg}") as source, pytest.raises(SourceError, match=r"off after \d+ frames"):
        frames.extend(source)
    assert len(frames) >= 8
    assert source.size == (160, 120)
    assert source.live
    assert_red_left(frames[3].image)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert frames[0].time <= frames[-1].time


def test_a_dead_address_hides_its_password(mjpeg):
    with pytest.raises(SourceError, match="does not open as a video stream") as caught:
        open_source("rtsp://anna:se@cr:et@127.0.0.1:9/cam")
    assert "anna:***@127.0.0.1" in str(caught.value)
    assert "cr:et" not in str(caught.value)


def test_a_wrong_option_is_known_before_a_camera_is_opened(picamera2, monkeypatch):
    monkeypatch.setattr(picamera2, "__init__", None)
    with pytest.raises(UsageError, match="scan_every is 0; it must be a whole number, 1 or more frames"):
        Pipeline.open("picamera:0", scan_every=0)


def test_a_pipeline_that_fails_after_its_source_was_opened_leaves_no_thread(mjpeg):
    class Failing(Pipeline):
        def __init__(self, *parts, **options):
            raise UsageError("these do not fit")

    before = set(threading.enumerate())
    with pytest.raises(UsageError, match="do not fit"):
        Failing.open(f"http://{mjpeg}")
    assert "capture" not in {thread.name for thread in set(threading.enumerate()) - before}


@pytest.mark.parametrize("path", ["user=admin&password=secret", "video?pwd=secret", "anna:secret@"])
def test_a_secret_in_an_address_is_in_no_log_line_and_no_json(mjpeg, path, caplog, monkeypatch):
    monkeypatch.setattr(recovery, "_FIRST_DELAY", 0.01)
    address = f"http://{path}{mjpeg}" if path.endswith("@") else f"http://{mjpeg.replace('video', path)}"
    with Pipeline.open(address, reopen=1) as pipeline:
        measured = json.dumps(measure(pipeline, frames=1))
        with pytest.raises(SourceError) as caught:
            list(pipeline)
    assert "opening it again" in caplog.text
    for text in (measured, caplog.text, str(caught.value), pipeline.source.spec):
        assert "***" in text
        assert "secret" not in text


def test_two_opens_at_a_time_leave_the_log_level_of_opencv_as_it_was(monkeypatch):
    inside, answers = queue.Queue(), {"a": threading.Event(), "b": threading.Event()}

    class SlowCapture(FakeCapture):
        def __init__(self, target, backend, options):
            super().__init__(1)
            inside.put(target)
            answers[target].wait()

        def isOpened(self):  # noqa: N802  (OpenCV's name)
            return True

    monkeypatch.setattr(cv2, "VideoCapture", SlowCapture)
    level = handles._log.getLogLevel()
    assert level > 0
    threads = [threading.Thread(target=handles.open_capture, args=(name, cv2.CAP_FFMPEG)) for name in "ab"]
    for thread in threads:
        thread.start()
        inside.get()
    for thread, answer in zip(threads, answers.values(), strict=True):
        answer.set()
        thread.join()
    assert handles._log.getLogLevel() == level


def test_closing_during_a_read_releases_afterwards():
    reading, finish, released = threading.Event(), threading.Event(), []

    def read():
        reading.set()
        finish.wait()
        return 1

    handle = Handle(read, lambda: released.append(finish.is_set()))
    result = []
    thread = threading.Thread(target=lambda: result.append(handle.read()))
    thread.start()
    reading.wait()
    handle.close()
    handle.close()
    assert released == []
    finish.set()
    thread.join()
    assert released == [True]
    assert result == [None]
