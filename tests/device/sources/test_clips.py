import os
import re
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferlite.device.outputs.mjpeg_mp4 import MjpegMp4
from ferlite.device.sources.clips import open_video
from ferlite.device.sources.endings import cut_off
from ferlite.device.sources.files import Folder, Picture, open_file
from ferlite.device.sources.open import open_source
from ferlite.errors import DataError, SourceError
from ferlite.models.growing import GrowingFile

MEDIA = Path(os.environ.get("FERLITE_DATA", "/nowhere")) / "media"
RED, BLUE = (30, 30, 220), (220, 30, 30)


def red_and_blue(width=64, height=48):
    """A picture that is red on the left and blue on the right, BGR."""
    image = np.empty((height, width, 3), np.uint8)
    image[:, : width // 2] = RED
    image[:, width // 2 :] = BLUE
    return image


def assert_red_left(image):
    height, width = image.shape[:2]
    left, right = image[height // 2, width // 4].astype(int), image[height // 2, 3 * width // 4].astype(int)
    assert left[2] > left[0] + 100
    assert right[0] > right[2] + 100


def write_video(path, count=40, rate=20.0, code="mp4v", size=(64, 48)):
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), rate, size)
    rng = np.random.default_rng(1)
    for _ in range(count):
        noise = rng.integers(0, 20, (size[1], size[0], 3), np.uint8)
        writer.write(red_and_blue(*size) + noise)
    writer.release()
    return path


def write_gif(path, count=5):
    animation = cv2.Animation()
    animation.frames = [cv2.circle(red_and_blue(), (32, 24), 4 + n, (255, 255, 255), -1) for n in range(count)]
    animation.durations = np.full(count, 100, np.int32)  # type: ignore[assignment]  (the stubs want a list)
    cv2.imwriteanimation(str(path), animation)
    return path


needs_gifs = pytest.mark.skipif(not cv2.haveImageWriter("a.gif"), reason="this OpenCV reads GIFs but writes none")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.BMP"])
def test_a_picture_is_one_bgr_frame(tmp_path, name):
    cv2.imwrite(str(tmp_path / name), red_and_blue())
    with open_source(tmp_path / name) as source:
        (frame,) = source
    assert_red_left(frame.image)
    assert (frame.index, frame.time, frame.name, source.size, source.live) == (0, 0.0, name, (64, 48), False)


@pytest.mark.parametrize("form", [cv2.COLOR_BGR2GRAY, cv2.COLOR_BGR2BGRA])
def test_a_grey_picture_and_one_with_transparency_become_bgr(tmp_path, form):
    cv2.imwrite(str(tmp_path / "a.png"), cv2.cvtColor(red_and_blue(), form))
    with open_source(tmp_path / "a.png") as source:
        (frame,) = source
    assert (frame.image.shape, frame.image.dtype) == ((48, 64, 3), np.uint8)
    if form == cv2.COLOR_BGR2BGRA:
        assert_red_left(frame.image)
    else:
        assert (frame.image == frame.image[..., :1]).all()


@pytest.mark.parametrize(("name", "code"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v")])
def test_a_video_gives_every_frame_with_its_time(tmp_path, name, code):
    path = write_video(tmp_path / name, code=code)
    with open_source(path) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(40))
    assert np.allclose([frame.time for frame in frames], np.arange(40) / 20, atol=0.002)
    assert (source.size, source.rate, source.live) == ((64, 48), 20.0, False)
    assert_red_left(frames[7].image)


@needs_gifs
def test_a_gif_is_a_clip(tmp_path):
    with open_source(write_gif(tmp_path / "a.gif")) as source:
        frames = list(source)
    assert len(frames) == 5
    assert frames[4].time == pytest.approx(0.4, abs=0.02)
    assert_red_left(frames[2].image)


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    for name in ("b.png", "c.jpg", "a.png"):
        cv2.imwrite(str(tmp_path / name), red_and_blue())
    with open_source(tmp_path, rate=4.0) as source:
        frames = list(source)
    assert [frame.name for frame in frames] == ["a.png", "b.png", "c.jpg"]
    assert [frame.time for frame in frames] == [0.0, 0.25, 0.5]
    assert_red_left(frames[2].image)


def test_a_folder_of_pictures_and_clips_is_read_in_order_and_what_is_skipped_is_named(tmp_path, caplog):
    for name in ("a.png", "c.jpg"):
        cv2.imwrite(str(tmp_path / name), red_and_blue())
    write_video(tmp_path / "b.mkv", count=3)
    write_video(tmp_path / "d.avi", count=2, code="MJPG")
    (tmp_path / "notes.txt").write_text("neither")
    (tmp_path / "more.png").mkdir()
    with open_source(tmp_path) as source:
        frames = [next(iter(source)), next(iter(source)), *source]
    assert [(frame.index, frame.name, frame.still) for frame in frames] == [
        (0, "a.png", True),
        (1, "b.mkv", True),
        (2, "b.mkv", False),
        (3, "b.mkv", False),
        (4, "c.jpg", True),
        (5, "d.avi", True),
        (6, "d.avi", False),
    ]
    assert [frame.time for frame in frames] == pytest.approx([0, 1, 1.05, 1.1, 2.1, 3.1, 3.15])
    assert [record.message for record in caplog.records] == [
        f"{tmp_path}: skipped what is no picture or clip: more.png, notes.txt"
    ]


def test_a_folder_goes_on_after_a_clip_that_does_not_open(tmp_path):
    write_video(tmp_path / "a.mkv", count=2)
    (tmp_path / "b.mkv").write_bytes(b"text")
    cv2.imwrite(str(tmp_path / "c.png"), red_and_blue())
    names = []
    with Folder(tmp_path) as source:
        with pytest.raises(SourceError, match=r"b\.mkv does not open"):
            names.extend(frame.name for frame in source)
        names.extend(frame.name for frame in source)
    assert names == ["a.mkv", "a.mkv", "c.png"]


@pytest.fixture
def served(tmp_path):
    """The address at which the files of a folder lie."""
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("name", "code"), [("a.mp4", "mp4v"), ("a.avi", "MJPG"), ("a.mkv", "mp4v")])
def test_a_clip_behind_an_address_has_the_times_of_its_container(tmp_path, served, name, code):
    write_video(tmp_path / name, code=code)
    with open_source(f"{served}/{name}") as source:
        frames = list(source)
    assert np.allclose([frame.time for frame in frames], np.arange(40) / 20, atol=0.002)
    assert ([frame.index for frame in frames], source.live) == (list(range(40)), False)


def test_a_clip_behind_an_address_that_is_cut_off_says_so(tmp_path, served):
    whole = write_video(tmp_path / "a.avi", count=120, code="MJPG").read_bytes()
    (tmp_path / "a.avi").write_bytes(whole[: len(whole) // 2])
    with open_source(f"{served}/a.avi") as source, pytest.raises(SourceError, match=r"broke off: .* of about 1"):
        list(source)


def test_a_picture_that_does_not_decode_is_named_after_those_before_it(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), red_and_blue())
    (tmp_path / "b.png").write_bytes(b"not a picture")
    seen = []
    with Folder(tmp_path) as source, pytest.raises(DataError, match=r"b\.png"):
        seen.extend(frame.name for frame in source)
    assert seen == ["a.png"]


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match="holds no pictures or clips"):
        open_file(tmp_path)


def test_files_that_are_not_what_they_are_called(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"text")
    (tmp_path / "a.mp4").write_bytes(b"text")
    with pytest.raises(DataError, match=r"a\.jpg does not decode"):
        Picture(tmp_path / "a.jpg")
    with pytest.raises(SourceError, match=r"a\.mp4 does not open as a video"):
        open_video(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "a"])
def test_a_pipe_is_refused_as_a_source_and_skipped_in_a_folder(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match=rf"{name} is a pipe, socket or device, not a file"):
        open_source(tmp_path / name)
    cv2.imwrite(str(tmp_path / "b.png"), red_and_blue())
    with open_source(tmp_path) as source:
        assert [frame.name for frame in source] == ["b.png"]


def test_opencv_prints_nothing_about_a_broken_file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(write_video(tmp_path / "b.mp4").read_bytes()[:2000])
    # In a process of its own: FFmpeg takes its level from the first capture or writer.
    program = f"""
from ferlite.device.sources.open import open_source
from ferlite.errors import SourceError
try:
    open_source({str(path)!r})
except SourceError:
    print("as expected")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("as expected\n", "")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(("suffix", "code"), [(".mkv", "mp4v"), (".avi", "MJPG")])
def test_a_clip_cut_off_gives_what_decodes_and_then_says_so(tmp_path, share, suffix, code):
    whole = write_video(tmp_path / f"whole{suffix}", count=120, code=code).read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(share * len(whole))])
    frames = []
    with open_video(path) as source, pytest.raises(SourceError, match="of about 1") as caught:
        frames.extend(source)
    assert 0.5 * share * 120 < len(frames) < 117
    assert f"{len(frames)} of about" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a.mp4", ""),
        pytest.param("a.gif", "", marks=needs_gifs),
        ("a.mkv", "mp4v"),
        ("a.webm", "VP80"),
        ("a.avi", "MJPG"),
        ("a.ts", "mp4v"),
    ],
)
def test_a_clip_of_which_a_tenth_is_missing_says_so(tmp_path, name, code):
    path = tmp_path / name
    if name == "a.gif":
        write_gif(path, count=20)
    elif code:
        write_video(path, code=code)
    else:
        file = GrowingFile(path)
        video = MjpegMp4(file, (64, 48), 20)
        for index in range(40):
            video.write(red_and_blue(), 50 * index)
        video.close()
        file.close()
    whole = path.read_bytes()
    with open_source(path) as source:
        count = len(list(source))
    for ending, is_cut in ((bytes(300), name == "a.ts"), (b"", False)):
        path.write_bytes(whole + ending)
        assert cut_off(path) == is_cut
    path.write_bytes(whole[: -len(whole) // 10])
    frames = []
    with open_source(path) as source, pytest.raises(SourceError, match=f"{name} broke off: .* what came was used"):
        frames.extend(source)
    assert count - 6 <= len(frames) < count


def test_a_jpeg_of_another_name_that_is_cut_off_says_so(tmp_path):
    path = tmp_path / "a.jfif"
    jpeg = cv2.imencode(".jpg", red_and_blue(640, 480))[1].tobytes()
    path.write_bytes(jpeg + b"added by a program")
    assert len(list(open_source(path))) == 1
    path.write_bytes(jpeg[: 2 * len(jpeg) // 3])
    with pytest.raises(SourceError, match=r"a\.jfif broke off: 1 frame came"):
        list(open_source(path))


@given(
    st.sampled_from([b"GIF89a", b"\xff\xd8\xff", b"RIFF", b"\x1a\x45\xdf\xa3", b"\0\0\0\x20ftyp", b"G"]),
    st.binary(max_size=400),
)
def test_any_bytes_are_whole_or_cut_off(start, rest):
    with NamedTemporaryFile() as file:
        file.write(start + rest)
        file.flush()
        assert cut_off(Path(file.name)) in {True, False}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("suffix", "code"), [(".mp4", "mp4v"), (".mkv", "mp4v"), (".avi", "MJPG")])
def test_a_clip_damaged_in_the_middle_gives_frames_or_says_so(tmp_path, suffix, code, seed):
    path = write_video(tmp_path / f"a{suffix}", code=code)
    rng = np.random.default_rng(seed)
    data = np.fromfile(path, np.uint8)
    places = rng.integers(len(data) // 10, len(data), len(data) // 50)
    data[places] = rng.integers(0, 256, len(places))
    data.tofile(path)
    frames = []
    with suppress(SourceError), open_source(path) as source:
        frames.extend(source)
    assert all(frame.image.shape == (48, 64, 3) for frame in frames)


def test_a_damaged_picture_in_a_clip_is_passed_over_and_counted(tmp_path):
    path = write_video(tmp_path / "a.avi", code="MJPG")
    data = bytearray(path.read_bytes())
    places = [match.start() for match in re.finditer(b"00dc", data)][:40]
    for place in places[5:30:5]:
        data[place + 8 : place + 400] = bytes(392)
    path.write_bytes(data)
    with Folder(tmp_path) as source:
        frames = list(source)
    assert (len(frames), source.damaged) == (35, 5)
    assert frames[5].time == pytest.approx(6 / 20)


def test_closing_in_the_middle_ends_quietly(tmp_path):
    source = open_video(write_video(tmp_path / "a.mp4"))
    frames = []
    for frame in source:
        frames.append(frame)
        if len(frames) == 3:
            source.close()
    source.close()
    assert len(frames) == 3


def test_reading_goes_on_where_it_stopped(tmp_path):
    with open_video(write_video(tmp_path / "a.mp4", count=6)) as source:
        first = next(iter(source))
        rest = list(source)
    assert [first.index, *(frame.index for frame in rest)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("asl_gestures_again.mkv", 77),
        ("asl_gestures_book.mkv", 109),
        ("asl_gestures_yes.mkv", 65),
        ("classroom.gif", 45),
        ("head-pose-face-detection-female-and-male.gif", 56),
        ("head-pose-face-detection-male.gif", 62),
    ],
)
@pytest.mark.skipif(not MEDIA.is_dir(), reason="FERLITE_DATA names no folder with media")
def test_real_clips_are_read_whole_and_called_healthy(name, count):
    with open_source(MEDIA / name) as source:
        times = [frame.time for frame in source]
    assert len(times) == count
    assert all(np.diff(times) > 0)


@pytest.mark.skipif(not MEDIA.is_dir(), reason="FERLITE_DATA names no folder with media")
def test_a_folder_with_real_photos():
    with open_source(MEDIA) as source:
        names = [frame.name for frame in source]
    assert "nasa_astronaut_collins.png" in names
    assert names == sorted(names)
