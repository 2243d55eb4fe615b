"""What there is to know beside results: state, heat, model, source."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor
from typing import Any

from ..outputs.drawing import colour_of
from ..pipeline import Pipeline
from ..sensors import celsius, throttle_reasons, throttled
from ..types import UNCERTAIN, UNREADABLE
from .pictures import Shown

_HEAT_LASTS = 10.0  # seconds


class Scene:
    """Says how a pipeline and its machine are doing.

    Args:
        pipeline: Whose results are shown.
        picture: What is shown of the picture.
        worker: Reads the sensors, which may take a moment.
    """

    def __init__(self, pipeline: Pipeline, picture: Shown, worker: Executor) -> None:
        self.pipeline, self._worker = pipeline, worker
        self._heat: asyncio.Future[dict[str, Any]] | None = None
        self._heat_at = 0.0
        self._fixed = {
            "model": {
                "name": pipeline.classifier.record.name,
                "labels": list(pipeline.classifier.labels),
                "colours": {label: _css(label) for label in (*pipeline.classifier.labels, UNCERTAIN, UNREADABLE)},
            },
            "source": pipeline.source.spec,
            "picture": picture,
        }

    async def to_json(self) -> dict[str, Any]:
        """Return what viewers get with each message."""
        return {"state": self.pipeline.state.to_json(), "heat": await self.heat(), **self._fixed}

    async def heat(self) -> dict[str, Any]:
        """Return degrees Celsius, None where they are unknown, and what is throttled, in words; read at times."""
        now = time.monotonic()
        if self._heat is None or now - self._heat_at > _HEAT_LASTS:
            self._heat, self._heat_at = asyncio.get_running_loop().run_in_executor(self._worker, _heat), now
        return await asyncio.shield(self._heat)


def _css(label: str) -> str:
    """Return the colour in which a label is drawn, as CSS writes it."""
    return f"#{bytes(reversed(colour_of(label))).hex()}"


def _heat() -> dict[str, Any]:
    return {"celsius": celsius(), "throttled": throttle_reasons(throttled())}
