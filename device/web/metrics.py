"""Numbers for Prometheus, read when it asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from ..state import StateName
from .feed import Feed
from .scene import Scene

if TYPE_CHECKING:
    from .viewers import Viewers


class Metrics(Collector):
    """Knows frames, faces, state, heat, outputs and viewers; nobody's number and nobody's face.

    Args:
        feed: Where results come from.
        scene: How the pipeline and its machine are doing.
        viewers: Who looks.
    """

    def __init__(self, feed: Feed, scene: Scene, viewers: Viewers) -> None:
        self._feed, self._scene, self._viewers = feed, scene, viewers
        self._heat: dict = {"celsius": None, "throttled": []}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def text(self) -> tuple[bytes, str]:
        """Return all numbers, and the content type of this text."""
        self._heat = await self._scene.heat()
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Metric]:
        """Yield what is so now."""
        state = self._scene.pipeline.state
        yield CounterMetricFamily("ferlite_frames", "Frames looked at.", state.frames)
        yield CounterMetricFamily("ferlite_frames_dropped", "Frames of a live source that were skipped.", state.dropped)
        yield CounterMetricFamily("ferlite_frames_damaged", "Frames that did not decode.", state.damaged)
        yield CounterMetricFamily("ferlite_source_reopened", "How often the source was opened again.", state.reopened)
        yield GaugeMetricFamily("ferlite_frames_per_second", "Frames looked at in a second, lately.", state.rate)
        states = GaugeMetricFamily("ferlite_source_state", "1 for the state of the source.", labels=["state"])
        for name in get_args(StateName):
            states.add_metric([name], float(name == state.name))
        yield states
        yield from self._of_the_newest_result()
        events = CounterMetricFamily("ferlite_events", "Events, by kind.", labels=["kind"])
        for kind, count in sorted(self._feed.kinds.items()):
            events.add_metric([kind], count)
        yield events
        dropped = CounterMetricFamily("ferlite_output_dropped", "Results and events not written.", labels=["output"])
        problem = GaugeMetricFamily("ferlite_output_problem", "1 while an output can't be written.", labels=["output"])
        for output in state.outputs:
            dropped.add_metric([output.name], output.dropped)
            problem.add_metric([output.name], float(bool(output.problem)))
        yield dropped
        yield problem
        if self._heat["celsius"] is not None:
            yield GaugeMetricFamily("ferlite_temperature_celsius", "The hottest thermal zone.", self._heat["celsius"])
        yield GaugeMetricFamily(
            "ferlite_throttled", "1 while the machine is throttled.", float(bool(self._heat["throttled"]))
        )
        yield GaugeMetricFamily("ferlite_viewers", "Viewers of the live page.", self._viewers.now)
        yield CounterMetricFamily("ferlite_viewers_refused", "Viewers above the limit.", self._viewers.refused)
        yield CounterMetricFamily(
            "ferlite_viewers_dropped", "Viewers dropped for taking nothing.", self._viewers.dropped
        )
        model = self._scene.pipeline.classifier.record.name
        yield InfoMetricFamily("ferlite_model", "The model that names expressions.", {"name": model})

    def _of_the_newest_result(self) -> Iterator[Metric]:
        shot = self._feed.shot
        labels = Counter(dict.fromkeys(self._scene.pipeline.classifier.labels, 0))
        labels.update(face.label for face in (shot.result.faces if shot else ()))
        faces = GaugeMetricFamily("ferlite_faces", "Faces in the newest frame, by label.", labels=["label"])
        for label, count in labels.items():
            faces.add_metric([label], count)
        yield faces
        if shot is None:
            return
        yield GaugeMetricFamily(
            "ferlite_last_frame_timestamp_seconds",
            "When the newest frame was looked at.",
            time.time() - self._feed.silent,
        )
        stages = GaugeMetricFamily("ferlite_stage_seconds", "What the newest frame took, by stage.", labels=["stage"])
        for name, milliseconds in shot.result.stages.items():
            stages.add_metric([name], milliseconds / 1000)
        yield stages
