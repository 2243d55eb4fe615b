import json
import sys
import threading
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from ferlite import Classifier, Pipeline
from ferlite.cli.app import main
from ferlite.device.outputs.base import Output
from ferlite.device.outputs.json_lines import JsonLines
from ferlite.device.outputs.video import AnnotatedVideo
from ferlite.device.sources.base import Source
from ferlite.device.sources.open import open_source
from ferlite.device.sources.virtual import VirtualCamera
from ferlite.device.tracks import Smoothing
from ferlite.device.types import Frame
from ferlite.errors import OutputError, SourceError, UsageError


@pytest.fixture
def clip(tmp_path):
    """A clip of two drawn faces."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480))
    for frame in VirtualCamera(faces=2, frames=20):
        writer.write(frame.image)
    writer.release()
    return path


def test_a_clip_loses_no_frame_and_its_faces_keep_their_numbers(clip, model_path):
    with Pipeline.open(clip, model=model_path) as pipeline:
        results = list(pipeline)
    assert [result.frame.index for result in results] == list(range(20))
    assert {face.track_id for result in results for face in result.faces} == {1, 2}
    assert all(result.dropped == 0 for result in results)
    assert set(results[0].stages) == {"detect", "landmarks", "classify", "track"}


@pytest.mark.parametrize("side", [1, -1])
def test_a_tilted_head_in_a_clip_is_seen_from_the_second_frame_on_and_in_a_picture_at_once(model_path, side):
    upright = VirtualCamera().frame(0).image
    x, y, width, height = VirtualCamera().truth(0)[0].box
    matrix = cv2.getRotationMatrix2D((x + width / 2, y + height / 2), 50, 1)
    turned = cv2.warpAffine(upright, matrix, upright.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    image = np.asarray(turned[:, ::side], np.uint8)
    with Pipeline.open("virtual:", model=model_path) as pipeline:
        clip = [len(pipeline.process(Frame(image, index, index / 15)).faces) for index in range(6)]
        assert clip[1:] == [1] * 5
        assert [len(pipeline.process(Frame(image, 6, 1.0, still=True)).faces) for _ in range(2)] == [1, 1]


def test_the_shipped_model_is_there_after_installation():
    with Pipeline.open("virtual:frames=1") as pipeline:
        (result,) = pipeline
    (face,) = result.faces
    assert face.raw is not None
    assert face.raw.probabilities.sum() == pytest.approx(1, abs=1e-5)


class Kept(Output):
    """Keeps the numbers of frames; done after so many."""

    def __init__(self, most=99):
        self.indices, self.most = [], most

    def write(self, result):
        self.indices.append(result.frame.index)
        self.done = len(self.indices) == self.most


@pytest.mark.parametrize(("frames", "most", "expected"), [(None, 99, 5), (3, 99, 3), (4, 2, 2), (0, 99, 0)])
def test_a_run_fills_its_outputs_until_the_source_or_the_count_or_an_output_ends(frames, most, expected):
    first, second = Kept(), Kept(most)
    with Pipeline.open("virtual:frames=5") as pipeline:
        pipeline.run(first, second, frames=frames)
        assert first.indices == second.indices == list(range(expected))
        pipeline.run(rest := Kept())
    assert rest.indices == list(range(expected, 5))


@pytest.mark.parametrize("frames", [-1, 2.5])
def test_a_count_of_frames_that_is_none_is_refused(frames):
    with Pipeline.open("virtual:frames=5") as pipeline, pytest.raises(UsageError, match="frames is"):
        pipeline.run(frames=frames)


@pytest.mark.parametrize("options", [{"threads": 0}, {"detector_threads": 0}, {"threads": 1.5}])
def test_a_count_of_threads_that_is_none_is_refused(options: dict[str, Any]):
    with pytest.raises(UsageError, match="threads is"):
        Pipeline.open("virtual:", **options)


def test_a_run_ends_with_the_error_of_an_output():
    kept = Kept()
    with (
        JsonLines("/dev/full") as full,
        Pipeline.open("virtual:frames=5") as pipeline,
        pytest.raises(OutputError, match="/dev/full: No space left"),
    ):
        pipeline.run(kept, full)
    assert kept.indices == [0]


def test_an_open_classifier_can_be_given(model_path):
    classifier = Classifier.load(model_path)
    with Pipeline.open("virtual:frames=2", model=classifier, smoothing=Smoothing(time_constant=0)) as pipeline:
        assert len(list(pipeline)) == 2
        assert pipeline.classifier is classifier


def test_of_a_live_source_the_newest_frame_is_taken(model_path):
    with Pipeline.open("virtual:live=true,frames=5", model=model_path, rate=200) as pipeline:
        seen = [(result.frame.index, result.dropped) for result in pipeline]
    assert seen
    for (index, dropped), (later, more) in pairwise(seen):
        assert index < later
        assert dropped <= more


def test_a_live_pipeline_can_be_left_and_gone_on_with(model_path):
    before = set(threading.enumerate())
    with Pipeline.open("virtual:live=true", model=model_path, rate=200) as pipeline:
        first = next(iter(pipeline)).frame.index
        assert next(iter(pipeline)).frame.index > first
        assert [t.name for t in set(threading.enumerate()) - before] == ["capture"]
    assert set(threading.enumerate()) == before


def test_closing_ends_a_live_pipeline_and_may_be_repeated(model_path):
    pipeline = Pipeline.open("virtual:live=true", model=model_path, rate=100)
    results = iter(pipeline)
    next(results)
    pipeline.close()
    pipeline.close()
    assert len(list(results)) <= 1


def test_pictures_in_a_folder_are_not_taken_for_one_clip(tmp_path, model_path):
    frame = VirtualCamera().frame(0).image
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), frame)
    with Pipeline.open(tmp_path, model=model_path) as pipeline:
        results = [(result.frame.name, result.faces[0].track_id) for result in pipeline]
    assert results == [("a.png", 1), ("b.png", 2)]


def test_a_frame_is_a_picture_of_its_own_only_where_it_says_so_and_not_by_its_name():
    frames = [replace(VirtualCamera().frame(index), name="x") for index in range(2)]
    with Pipeline.open(Given()) as pipeline:
        ids = [pipeline.process(frame).faces[0].track_id for frame in frames]
        ids += [pipeline.process(replace(frame, still=True)).faces[0].track_id for frame in frames]
    assert ids == [1, 1, 2, 3]


def test_no_face_is_followed_from_one_clip_of_a_folder_into_the_next(clip):
    clip.with_name("later.avi").write_bytes(clip.read_bytes())
    with Pipeline.open(clip.parent, rate=1000, scan_every=100) as pipeline:
        results = list(pipeline)
    ids = [{face.track_id for face in result.faces} for result in results]
    assert set.union(*ids[:20]).isdisjoint(set.union(*ids[20:]))


@pytest.mark.parametrize("shape", [(1, 1, 3), (3000, 4000, 3), (480, 640), (480, 640, 4)])
def test_frames_of_any_size_and_colour_go_through(model_path, shape):
    frame = VirtualCamera().frame(0)
    with Pipeline.open("virtual:", model=model_path) as pipeline:
        image = np.zeros(shape, np.uint8)
        result = pipeline.process(type(frame)(image, 0, 0.0))
    assert result.faces == ()


class Given(Source):
    """Frames that a test made; an error among them is raised."""

    spec, size, live = "given", (1, 1), False

    def __init__(self, *images):
        self.images = images

    def __iter__(self):
        for index, image in enumerate(self.images):
            if isinstance(image, Exception):
                raise image
            yield Frame(image, index, index / 15)

    def close(self):
        pass


def test_frames_that_change_their_size_go_through_to_the_video(tmp_path):
    sizes = [(640, 480), (320, 240), (1, 1), (480, 640), (4000, 3000), (640, 480)]
    images = [np.full((height, width, 3), 90, np.uint8) for width, height in sizes]
    images[0] = images[-1] = VirtualCamera().frame(0).image
    with Pipeline.open(Given(*images)) as pipeline, AnnotatedVideo(tmp_path / "a.mp4") as output:
        results = list(pipeline)
        for result in results:
            output.write(result)
    assert [len(result.faces) for result in results] == [1, 0, 0, 0, 0, 1]
    with open_source(tmp_path / "a.mp4") as video:
        assert {frame.image.shape for frame in video} == {(480, 640, 3)}


def test_of_fifty_faces_a_clip_shows_the_largest_sixteen_and_a_picture_all(tmp_path):
    camera = VirtualCamera(size=(192, 192))
    crowd = np.vstack([np.hstack([camera.frame(9 * row + column).image for column in range(10)]) for row in range(5)])
    with Pipeline.open(Given(crowd)) as pipeline:
        (moving,) = pipeline
    cv2.imwrite(str(tmp_path / "crowd.png"), crowd)
    with Pipeline.open(tmp_path / "crowd.png") as pipeline:
        (still,) = pipeline
    assert len(moving.faces) == 16 < len(still.faces)
    areas = [face.box[2] * face.box[3] for face in moving.faces]
    assert all(larger > smaller - 1e-3 for larger, smaller in pairwise(areas))


@pytest.mark.parametrize("live", [False, True])
def test_a_source_that_raises_is_heard_after_its_last_frame(live):
    source = Given(np.zeros((48, 64, 3), np.uint8), SourceError("broke off"))
    source.live = live
    results = []
    with Pipeline.open(source) as pipeline, pytest.raises(SourceError, match="broke off"):
        results.extend(pipeline)
    assert len(results) == 1


def test_a_source_that_gives_nothing_ends_quietly():
    with Pipeline.open(Given()) as pipeline:
        assert list(pipeline) == []


def test_the_command_writes_a_line_for_each_frame_and_a_video(clip, model_path, tmp_path, monkeypatch, capsys):
    line = f"ferlite run --source {clip} --model {model_path} --annotate {tmp_path / 'out.mp4'}"
    monkeypatch.setattr(sys, "argv", line.split())
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [entry["frame"] for entry in lines] == list(range(20))
    assert len(lines[0]["faces"]) == 2
    assert set(lines[0]["faces"][0]) == {
        "id",
        "box",
        "score",
        "label",
        "confidence",
        "probabilities",
        "raw",
        "unreadable",
        "area",
        "turn",
        "roll",
    }
    with Pipeline.open(tmp_path / "out.mp4", model=model_path) as pipeline:
        assert len(list(pipeline.source)) == 20


def test_on_a_real_clip_one_face_is_seen_in_nearly_every_frame(media, model_path):
    with Pipeline.open(media / "asl_gestures_yes.mkv", model=model_path) as pipeline:
        counts = [len(result.faces) for result in pipeline]
    assert len(counts) == 65
    assert counts.count(1) >= 0.98 * len(counts)
