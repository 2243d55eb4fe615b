"""What embedders do with a pipeline: own frames, events, state, asyncio, several models."""

import asyncio
import json
import logging
import sys
import threading
import time

import cv2
import numpy as np
import pytest

from ferlite import Classifier, Pipeline, VirtualCamera
from ferlite.cli.app import main
from ferlite.device.event_types import StateEvent
from ferlite.device.events import EventRules
from ferlite.device.outputs.base import Output
from ferlite.device.sources.base import Watched
from ferlite.device.sources.push import PushSource
from ferlite.device.state import State
from ferlite.device.types import Frame
from ferlite.device.view import View
from ferlite.errors import DataError, SourceError, UnknownNameError, UsageError

IMAGE = VirtualCamera().frame(0).image


@pytest.fixture(scope="module")
def classifier():
    return Classifier.load()


class Lossy(Watched):
    """Gives frames, then none for so many ticks, as its script says; ends with it."""

    spec, live, newest_only, size = "lossy", True, True, (640, 480)

    def __init__(self, *script: Frame | State | Exception | None):
        self.script, self.now = script, State("running")

    @property
    def state(self):
        return self.now

    def watch(self):
        for step in self.script:
            if isinstance(step, State):
                self.now = step
            elif isinstance(step, Exception):
                raise step
            else:
                yield step

    def close(self):
        pass


def frames(count, start=0.0):
    return [Frame(IMAGE, index, start + index / 15) for index in range(count)]


def kinds(events):
    return [event.state.name if isinstance(event, StateEvent) else event.kind for event in events]


@pytest.mark.parametrize(
    ("image", "rgb"),
    [(IMAGE, False), (IMAGE[..., 0], False), (np.dstack([IMAGE, IMAGE[..., :1]]), False), (IMAGE[..., ::-1], True)],
)
def test_own_frames_of_every_form_are_taken_and_stamped(classifier, image, rgb):
    pipeline = Pipeline.open(None, model=classifier)
    before = time.monotonic()
    first, second = (pipeline.process(np.ascontiguousarray(image), rgb=rgb) for _ in range(2))
    assert before <= first.frame.time <= second.frame.time <= time.monotonic()
    assert (first.frame.index, second.frame.index) == (0, 1)
    assert [face.track_id for face in (*first.faces, *second.faces)] == [1, 1]
    assert abs(first.wall - time.time()) < 60


def test_colours_are_turned_where_they_are_rgb(classifier):
    pipeline = Pipeline.open(None, model=classifier)
    assert (pipeline.process(IMAGE[..., ::-1], rgb=True).frame.image == IMAGE).all()


def test_frames_that_change_their_size_are_taken(classifier):
    pipeline = Pipeline.open(None, model=classifier, scan_every=100)
    small = np.ascontiguousarray(IMAGE[::2, ::2])
    assert [len(pipeline.process(image).faces) for image in (IMAGE, small, IMAGE, IMAGE[:40, :40])] == [1, 1, 1, 0]


def test_a_pushed_frame_is_copied_and_the_newest_is_read(classifier):
    source = PushSource((640, 480))
    image = IMAGE.copy()
    for _ in range(5):
        source.put(image)
    image[:] = 0
    source.end()
    with Pipeline.open(source, model=classifier) as pipeline:
        (result,) = pipeline
    assert (result.frame.index, result.dropped, len(result.faces)) == (4, 4, 1)


def test_pushed_frames_can_wait_and_the_oldest_are_dropped():
    source = PushSource((4, 4), latest=False)
    for _ in range(70):
        source.put(np.zeros((4, 4), np.uint8))
    source.end()
    assert [frame.index for frame in source] == list(range(6, 70))
    assert source.dropped == 6


def test_a_frame_after_close_is_an_error():
    source = PushSource((4, 4))
    source.close()
    with pytest.raises(SourceError, match="closed"):
        source.put(np.zeros((4, 4), np.uint8))


def test_frames_are_pushed_from_another_thread(classifier):
    source = PushSource((640, 480))

    def push():
        for _ in range(3):
            source.put(IMAGE)
            time.sleep(0.01)
        source.end()

    thread = threading.Thread(target=push)
    with Pipeline.open(source, model=classifier) as pipeline:
        thread.start()
        results = list(pipeline)
    thread.join()
    assert len(results) + results[-1].dropped == 3


def test_events_of_a_clip_begin_and_end_with_its_state_and_faces(classifier):
    with Pipeline.open("virtual:frames=8", model=classifier) as pipeline:
        events = list(pipeline.events(confirm=3))
    assert kinds(events)[:2] == ["running", "appeared"]
    assert kinds(events)[-2:] == ["left", "ended"]


def test_a_face_leaves_and_the_camera_is_lost_while_no_frame_comes(classifier):
    now = [0.0]
    lost = State("reopening", "unplugged", 1, 2.0)

    class Slow(Lossy):
        def watch(self):
            for step in super().watch():
                yield step
                now[0] += 0.5

    source = Slow(*frames(4), *[None] * 5, lost, None, None, State("running"), *frames(1, 9.0))
    pipeline = Pipeline.open(source, model=classifier)
    pipeline._clock = pipeline._monitor._clock = pipeline._events._clock = lambda: now[0]
    events = list(pipeline.events(confirm=2))
    assert kinds(events) == ["running", "appeared", "stalled", "left", "reopening", "running", "left", "ended"] or (
        kinds(events) == ["running", "appeared", "left", "stalled", "reopening", "running", "ended"]
    )
    reopening = next(e for e in events if isinstance(e, StateEvent) and e.state.name == "reopening")
    assert (reopening.state.reason, reopening.state.attempt, reopening.state.next_try) == ("unplugged", 1, 2.0)
    assert reopening.to_json()["previous"] == "stalled"


def test_a_source_that_fails_is_told_before_the_error_is_raised(classifier):
    pipeline = Pipeline.open(Lossy(*frames(1), SourceError("gone for good")), model=classifier)
    seen = []
    with pytest.raises(SourceError, match="gone for good"):
        seen.extend(pipeline.events())
    assert kinds(seen) == ["running", "failed"]
    assert (pipeline.state.name, pipeline.state.reason) == ("failed", "gone for good")


def test_an_error_reaches_everybody_who_listens(classifier):
    pipeline = Pipeline.open(Lossy(*frames(1), SourceError("gone for good")), model=classifier)
    results, events = pipeline.stream(), pipeline.events()
    assert len(next(results).faces) == 1
    with pytest.raises(SourceError, match="gone for good"):
        next(results)
    assert kinds([next(events), next(events)]) == ["running", "failed"]
    with pytest.raises(SourceError, match="gone for good"):
        next(events)


def test_a_run_that_is_stopped_lets_everybody_leave(classifier):
    class Told(Output):
        def __init__(self):
            self.events = []

        def write(self, result):
            pass

        def event(self, event):
            self.events.append(event)

    told = Told()
    with Pipeline.open("virtual:", model=classifier) as pipeline:
        pipeline.run(told, frames=8)
        assert kinds(told.events) == ["running", "appeared", "left"]
        pipeline.run(told, frames=8)
        assert kinds(told.events)[3:] == ["appeared", "left"]
    assert pipeline.state.name == "ended"


def test_a_wait_for_an_event_may_time_out_and_be_asked_again(classifier):
    async def work():
        source = PushSource((640, 480))
        async with Pipeline.open(source, model=classifier, rules=EventRules(confirm=1)) as pipeline:
            events = pipeline.events()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(events), 0.05)
            source.put(IMAGE)
            return kinds([await anext(events), await anext(events)])

    assert asyncio.run(work()) == ["running", "appeared"]


def test_a_slow_reader_of_a_clip_gets_every_frame_beside_a_fast_one(classifier):
    async def work():
        async with await asyncio.to_thread(Pipeline.open, "virtual:frames=80", model=classifier) as pipeline:
            events = asyncio.create_task(listen(pipeline.events()))
            seen = []
            async for result in pipeline.stream():
                await asyncio.sleep(0.002)
                seen.append(result.frame.index)
            await events
            return seen

    async def listen(stream):
        async for _ in stream:
            pass

    assert asyncio.run(work()) == list(range(80))


def test_callbacks_are_called_and_one_that_raises_ends_nothing(classifier, caplog):
    called = []

    def fails(event):
        called.append(event.kind)
        raise RuntimeError("mine")

    with Pipeline.open("virtual:frames=4", model=classifier, rules=EventRules(confirm=1)) as pipeline:
        pipeline.when_appeared = pipeline.when_left = fails
        pipeline.when_state = lambda event: called.append(event.state.name)
        assert len(list(pipeline)) == 4
    assert called == ["running", "appeared", "left", "ended"]
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "when_appeared raised an exception; the pipeline goes on",
        "when_left raised an exception; the pipeline goes on",
    ]


def test_a_coroutine_function_as_callback_is_reported(classifier, caplog):
    async def never_awaited(event):
        pytest.fail("it was awaited")

    pipeline = Pipeline.open(None, model=classifier, rules=EventRules(confirm=1))
    pipeline.when_appeared = never_awaited
    pipeline.process(IMAGE)
    assert "async for event in pipeline.events()" in caplog.text


def test_own_frames_bring_events_with_their_results(classifier):
    pipeline = Pipeline.open(None, model=classifier, rules=EventRules(confirm=2))
    results = [pipeline.process(IMAGE, index / 15) for index in range(3)] + [pipeline.process(IMAGE[:, :64], 3.0)]
    assert [kinds(result.events) for result in results] == [["running"], ["appeared"], [], ["left"]]


def test_a_face_stays_the_same_while_a_callback_takes_long(classifier):
    rules = EventRules(confirm=1, held=dict.fromkeys(classifier.labels, 0.1))
    pipeline = Pipeline.open(None, model=classifier, rules=rules)
    results = [pipeline.process(IMAGE, time) for time in (0.0, 0.2, 2.2, 2.4, 4.4, 4.6)]
    assert {face.track_id for result in results for face in result.faces} == {1}
    assert [kinds(result.events) for result in results] == [["running", "appeared"], ["held"], [], [], [], []]


@pytest.mark.parametrize("given", [{"smoothing": "quik"}, {"rules": EventRules(held={"hapy": 1})}])
def test_a_name_that_does_not_exist_is_known_before_the_source_is_opened(classifier, given):
    with pytest.raises(UnknownNameError, match="did you mean"):
        Pipeline.open("/nowhere.mp4", model=classifier, **given)


def test_a_camera_that_is_absent_is_waited_for(classifier, tmp_path):
    with Pipeline.open("usb:98765", model=classifier, wait=True) as pipeline:
        assert pipeline.state.name == "opening"
        waiting = next(event for event in pipeline.events() if isinstance(event, StateEvent) and event.state.attempt)
        assert (waiting.state.name, waiting.state.attempt) == ("opening", 1)
        assert "/dev/video98765" in waiting.state.reason
    with pytest.raises(SourceError):
        Pipeline.open("usb:98765", model=classifier)


def test_two_models_read_each_face_by_themselves(classifier):
    with Pipeline.open("virtual:frames=3", model=["ferlite-m-ferplus", "ferlite-m"]) as pipeline:
        result = list(pipeline)[-1]
        assert list(pipeline.classifiers) == ["ferlite-m-ferplus", "ferlite-m"]
    (face,) = result.faces
    alone = {name: list(Pipeline.open("virtual:frames=3", model=name))[-1].faces[0] for name in face.readings}
    for name, reading in face.readings.items():
        assert reading.expression is not None
        assert reading.expression.scores == pytest.approx((alone[name].expression or reading.expression).scores)
    assert face.label == face.readings["ferlite-m-ferplus"].label
    assert list(face.to_json()["models"]) == ["ferlite-m-ferplus", "ferlite-m"]


@pytest.mark.parametrize(("models", "message"), [([], "no model"), (["ferlite-m", "ferlite-m"], "called ferlite-m")])
def test_models_without_names_of_their_own_are_refused(models, message):
    with pytest.raises(UsageError, match=message):
        Pipeline.open(None, model=models)


def test_a_face_has_its_direction_and_share_of_the_frame(classifier):
    shifted = np.roll(IMAGE, 100, axis=1)
    (left,), (right,) = (Pipeline.open(None, model=classifier, fov=66).process(i).faces for i in (IMAGE, shifted))
    assert left.direction is not None
    assert right.direction is not None
    # 66 degrees over 640 pixels: a focal length of 493 pixels.
    x = right.box[0] + right.box[2] / 2 - 320
    assert right.direction[0] == pytest.approx(np.degrees(np.arctan2(x, 492.8)), abs=0.01)
    assert right.direction[0] > left.direction[0]
    assert right.area == pytest.approx(right.box[2] * right.box[3] / (640 * 480))
    turned = View(66, turned=True).placed(left, (640, 480)).direction
    assert turned is not None
    assert abs(turned[1]) > abs(left.direction[1])
    (unknown,) = Pipeline.open(None, model=classifier).process(IMAGE).faces
    assert unknown.direction is None


def test_the_direction_of_a_face_in_a_mirrored_picture_is_that_in_the_world(classifier):
    def direction(flip):
        with Pipeline.open("virtual:frames=1", model=classifier, fov=66, flip=flip) as pipeline:
            return next(iter(pipeline)).faces[0].direction or (0.0, 0.0)

    assert abs(direction(False)[0]) > 1
    assert direction(True) == pytest.approx(direction(False), abs=1)


def test_asyncio_gets_every_frame_of_a_clip_and_its_events(classifier):
    async def work():
        async with await asyncio.to_thread(Pipeline.open, "virtual:frames=5", model=classifier) as pipeline:
            return [result.frame.index async for result in pipeline.stream()]

    async def events():
        async with await asyncio.to_thread(Pipeline.open, "virtual:frames=5", model=classifier) as pipeline:
            return [event async for event in pipeline.events(confirm=1)]

    assert asyncio.run(work()) == list(range(5))
    assert kinds(asyncio.run(events()))[:2] == ["running", "appeared"]


def test_a_task_that_is_cancelled_leaves_a_pipeline_that_works_on(classifier):
    async def work():
        source = PushSource((640, 480))
        async with Pipeline.open(source, model=classifier) as pipeline:

            async def listen():
                async for _ in pipeline.stream():
                    pytest.fail("there was a frame")

            task = asyncio.create_task(listen())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            pushing = asyncio.create_task(push(source))
            result = await anext(aiter(pipeline.stream()))
            pushing.cancel()
            return len(result.faces)

    async def push(source):
        while True:
            source.put(IMAGE)
            await asyncio.sleep(0.02)

    assert asyncio.run(work()) == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pipeline") and hung(thread)]


def test_results_and_events_are_both_complete_for_two_tasks_at_once(classifier):
    async def work():
        async with await asyncio.to_thread(Pipeline.open, "virtual:frames=30", model=classifier) as pipeline:

            async def indices():
                return [result.frame.index async for result in pipeline.stream()]

            async def happened():
                return kinds([event async for event in pipeline.events()])

            return await asyncio.gather(indices(), happened(), indices())

    first, events, second = asyncio.run(work())
    assert first == second == list(range(30))
    assert (events[:2], events[-2:]) == (["running", "appeared"], ["left", "ended"])


def test_a_source_goes_on_after_an_error_for_who_asks_again(classifier, tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), IMAGE)
    (tmp_path / "2.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "3.png"), IMAGE)
    with Pipeline.open(tmp_path, model=classifier) as pipeline:
        results = iter(pipeline)
        names = [next(results).frame.name]
        with pytest.raises(DataError, match=r"2\.png"):
            next(results)
        names += [result.frame.name for result in pipeline]
        assert pipeline.state.name == "ended"
    assert names == ["1.png", "3.png"]


def test_no_work_is_done_in_the_thread_of_the_event_loop(classifier):
    threads = []

    class Noting(Lossy):
        def watch(self):
            for step in super().watch():
                threads.append(threading.current_thread())
                yield step

        def close(self):
            threads.append(threading.current_thread())

    async def work():
        async with Pipeline.open(Noting(*frames(3), None), model=classifier) as pipeline:
            async for _ in pipeline.stream():
                pass

    asyncio.run(work())
    assert len(threads) == 5
    assert threading.current_thread() not in threads


def hung(thread):
    thread.join(5)
    return thread.is_alive()


def test_the_command_writes_events_and_counts(model_path, tmp_path, monkeypatch, capsys):
    out, counts = tmp_path / "events.jsonl", tmp_path / "counts.json"
    line = f"ferlite run virtual:frames=20 --model {model_path} --output {tmp_path / 'out'} --events {out}"
    monkeypatch.setattr(sys, "argv", [*line.split(), "--held", "happy=0", "--counts", str(counts)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0, capsys.readouterr().err
    events = [json.loads(text) for text in out.read_text().splitlines()]
    assert [event["event"] for event in events][:2] == ["state", "appeared"]
    assert [event["event"] for event in events][-2:] == ["left", "state"]
    assert "people" in counts.read_text()


def test_the_result_of_a_live_camera_has_the_time_of_day_of_its_frame(classifier):
    taken = time.monotonic() - 5
    (result,) = Pipeline.open(Lossy(Frame(IMAGE, 0, taken)), model=classifier)
    assert time.time() - result.wall == pytest.approx(5, abs=2)
    assert result.to_json()["wall"][:4].isdecimal()
