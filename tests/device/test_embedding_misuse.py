"""What programs that embed ferlite get wrong ends in one clear error, or in nothing lost."""

import asyncio
import gc
import json
import logging
import os
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest

from ferlite import (
    Classifier,
    DataError,
    EventRules,
    Frame,
    Pipeline,
    PushSource,
    Source,
    UsageError,
    VirtualCamera,
)

IMAGE = VirtualCamera().frame(0).image


@pytest.fixture(scope="module")
def classifier():
    return Classifier.load()


@pytest.fixture
def pipeline(classifier):
    return Pipeline.open(None, model=classifier)


NO_PICTURES: list[Any] = [
    IMAGE.astype(np.float32) / 255,
    IMAGE.astype(np.uint16),
    IMAGE > 100,
    IMAGE[..., :2],
    IMAGE[None],
    IMAGE[:0],
    IMAGE.tolist()[0],
    "photo.jpg",
    None,
]


@pytest.mark.parametrize(
    "image", NO_PICTURES, ids=lambda image: f"{type(image).__name__} {getattr(image, 'dtype', '')}"
)
def test_what_is_no_picture_is_an_error_and_the_next_frame_goes_on_with_the_same_face(pipeline, image):
    first = pipeline.process(IMAGE, 0.0)
    source = PushSource((640, 480))
    for hand_in in (pipeline.process, source.put):
        with pytest.raises(DataError, match="picture"):
            hand_in(image, 0.1)
    second = pipeline.process(IMAGE, 0.2)
    source.put(IMAGE)
    assert [face.track_id for face in second.faces] == [face.track_id for face in first.faces] == [1]
    assert (first.frame.index, second.frame.index, source.dropped) == (0, 1, 0)


@pytest.mark.parametrize("source", [None, PushSource((640, 480))], ids=["none", "own"])
@pytest.mark.parametrize("option", [{"flip": True, "rotate": 90}, {"wait": True}, {"size": (64, 48)}, {"stall": 9.0}])
def test_an_option_that_only_an_opened_source_has_is_refused_for_another(classifier, source, option: dict[str, Any]):
    with pytest.raises(UsageError, match=f"^{', '.join(option)}: for a source that is opened by its name"):
        Pipeline.open(source, model=classifier, **option)


@pytest.mark.parametrize(
    "option", [{"source": [1, 2]}, {"source": 1.5}, {"model": None}, {"model": [5]}, {"rules": {"held": {"happy": 1}}}]
)
def test_an_option_of_another_type_is_named(option: dict[str, Any]):
    (name,) = option
    with pytest.raises(UsageError, match=rf"^{name} is .*; it must be "):
        Pipeline.open(**{"source": None, **option})


TIMES: list[Any] = [float("nan"), float("inf"), "12:00", 1j, datetime(2026, 1, 1, tzinfo=UTC), [0.0]]


@pytest.mark.parametrize("moment", TIMES, ids=lambda moment: repr(moment)[:12])
def test_a_time_that_is_no_finite_number_is_an_error_and_loses_nothing(pipeline, moment):
    source = PushSource((640, 480))
    source.put(IMAGE)
    for hand_in in (pipeline.process, source.put):
        with pytest.raises(UsageError, match=r"the time of a frame is .*; it must be a finite number of seconds"):
            hand_in(IMAGE, moment)
    assert source.dropped == 0
    assert pipeline.process(IMAGE, 0.1).frame.index == 0


def test_a_time_of_numpy_can_be_written_as_json(pipeline):
    assert json.loads(json.dumps(pipeline.process(IMAGE, np.float32(0.5)).to_json()))["time"] == 0.5


def test_sizes_and_colours_may_change_from_frame_to_frame(pipeline):
    half = cv2.resize(IMAGE, None, fx=0.5, fy=0.5)
    grey = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2GRAY)
    alpha = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2BGRA)
    images = [IMAGE, half, IMAGE[:1, :1], grey, grey[..., None], alpha, IMAGE[:, ::-1], np.asfortranarray(IMAGE), IMAGE]
    faces = [len(pipeline.process(image, index / 15).faces) for index, image in enumerate(images)]
    assert faces == [1, 1, 0, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("held", ["happy", ["happy"], {"happy": "1"}, {"happy": float("nan")}, {"happy": -1}])
def test_rules_that_mean_nothing_are_an_error(pipeline, held: Any):
    with pytest.raises(UsageError, match="held"):
        EventRules(held=held)
    with pytest.raises(UsageError, match="held"):
        pipeline.events(held=held)


def test_frames_from_many_threads_are_all_looked_at_or_counted(classifier):
    source = PushSource((640, 480))
    threads = [threading.Thread(target=lambda: [source.put(IMAGE) for _ in range(25)]) for _ in range(4)]
    with Pipeline.open(source, model=classifier) as pipeline:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        source.end()
        results = list(pipeline)
    assert len(results) + source.dropped == 100
    assert results[-1].frame.index == 99


@pytest.mark.parametrize("source", ["virtual:frames=6", "clip"])
def test_who_stops_in_mid_loop_goes_on_with_the_next_frame(classifier, tmp_path, source):
    if source == "clip":
        source = tmp_path / "clip.avi"
        writer = cv2.VideoWriter(str(source), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480))
        for frame in VirtualCamera(frames=6):
            writer.write(frame.image)
        writer.release()
    seen = []
    with Pipeline.open(source, model=classifier) as pipeline:
        for _ in range(3):
            for result in pipeline:
                seen.append((result.frame.index, [face.track_id for face in result.faces]))
                if result.frame.index % 2:
                    break
        assert list(pipeline) == []
    assert seen == [(index, [1]) for index in range(6)]


def test_who_asks_for_one_event_at_a_time_misses_none(classifier):
    def told(events):
        return [(event.kind, getattr(event, "track_id", "")) for event in events]

    source = "virtual:faces=3,frames=8"
    with Pipeline.open(source, model=classifier) as pipeline:
        all_at_once = told(pipeline.events(confirm=2))
    with Pipeline.open(source, model=classifier) as pipeline:
        one_by_one = told(event for _ in all_at_once for event in [next(iter(pipeline.events(confirm=2)))])
        assert list(pipeline.events()) == []
    assert one_by_one == all_at_once
    assert [kind for kind, _ in all_at_once].count("left") == 3


def test_who_stops_in_mid_loop_in_asyncio_goes_on_with_the_next_frame(classifier):
    async def seen():
        indices = []
        async with await asyncio.to_thread(Pipeline.open, "virtual:frames=4", model=classifier) as pipeline:
            for _ in range(2):
                async for result in pipeline.stream():
                    indices.append(result.frame.index)
                    if result.frame.index == 1:
                        break
        return indices

    assert asyncio.run(seen()) == [0, 1, 2, 3]


def test_a_task_that_is_cancelled_again_and_again_misses_no_frame_and_gets_none_twice(classifier):
    async def seen():
        indices = []
        async with await asyncio.to_thread(Pipeline.open, "virtual:frames=40", model=classifier) as pipeline:
            while pipeline.state.name != "ended":
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.006):
                        async for result in pipeline.stream():
                            indices.append(result.frame.index)
        return indices

    assert asyncio.run(seen()) == list(range(40))


def test_a_callback_that_is_no_function_is_reported_and_ends_nothing(classifier, caplog):
    with Pipeline.open("virtual:frames=6", model=classifier) as pipeline, caplog.at_level(logging.ERROR):
        pipeline.when_appeared = 5  # type: ignore[assignment]
        assert len(list(pipeline)) == 6
    assert "when_appeared" in caplog.text


def test_who_iterates_in_a_callback_gets_a_clear_error(classifier):
    errors = []

    def iterate(event):
        with pytest.raises(UsageError) as error:
            next(iter(pipeline))
        errors.append(str(error.value))

    with Pipeline.open("virtual:frames=6", model=classifier) as pipeline:
        pipeline.when_appeared = iterate
        assert len(list(pipeline)) == 6
    assert len(errors) == 1
    assert "not in a callback" in errors[0]


def test_a_callback_may_close_the_pipeline(classifier):
    with Pipeline.open("virtual:", model=classifier) as pipeline:
        pipeline.when_appeared = lambda event: pipeline.close()
        results = list(pipeline)
    assert results[-1].events[-1].kind == "appeared"
    assert pipeline.state.name == "ended"


class WrongTimes(Source):
    spec, size = "wrong times", (640, 480)

    def __iter__(self):
        yield Frame(IMAGE, 0, 0.0)
        yield Frame(IMAGE, 1, float("nan"))

    def close(self):
        pass


def test_a_source_of_ones_own_with_a_wrong_time_fails_by_name(classifier):
    with Pipeline.open(WrongTimes(), model=classifier) as pipeline:
        with pytest.raises(UsageError, match="the time of a frame is nan"):
            list(pipeline)
        assert (pipeline.state.name, pipeline.state.frames) == ("failed", 1)


def test_a_pipeline_without_a_source_can_not_be_iterated_over(pipeline):
    for begin in (lambda: list(pipeline), pipeline.run, lambda: list(pipeline.events())):
        with pytest.raises(UsageError, match=r"hand frames to process\(\), or open it with a PushSource"):
            begin()


def test_two_pipelines_with_one_classifier_in_two_threads_see_what_each_sees_alone(classifier):
    def seen(seed):
        with Pipeline.open(f"virtual:frames=40,seed={seed}", model=classifier) as pipeline:
            return [[face.raw.probabilities.tolist() for face in result.faces if face.raw] for result in pipeline]

    alone = {seed: seen(seed) for seed in (1, 2)}
    together = {}
    threads = [threading.Thread(target=lambda seed=seed: together.update({seed: seen(seed)})) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def open_things():
    return {thread.name for thread in threading.enumerate()}, len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def test_a_hundred_pipelines_leave_no_thread_and_no_descriptor(classifier, tmp_path):
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 15, (640, 480))
    writer.write(IMAGE)
    writer.release()

    async def in_asyncio(source):
        async with await asyncio.to_thread(Pipeline.open, source, model=classifier) as pipeline:
            async for _ in pipeline.stream():
                break

    asyncio.run(in_asyncio(clip))
    gc.collect()
    before = open_things()
    for round_ in range(34):
        asyncio.run(in_asyncio(clip if round_ % 2 else "virtual:live=true"))
        with Pipeline.open("virtual:live=true", model=classifier) as pipeline:
            next(iter(pipeline))
        pushed = PushSource((640, 480))
        pushed.put(IMAGE)
        with Pipeline.open(pushed, model=classifier) as pipeline:
            next(iter(pipeline))
    # The last pipelines' threads end by themselves, right after close.
    deadline = time.monotonic() + 20
    while open_things() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert open_things() == before
