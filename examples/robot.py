"""A robot that turns its head to the nearest face and greets who smiles: python examples/robot.py [SOURCE]."""

import asyncio
import math
import sys
from contextlib import suppress

from ferlite import EventRules, Frame, Pipeline, PushSource, open_source


async def look(eye: PushSource, source: str) -> None:
    """Hand in 15 frames a second, of a camera that gives 15 or 30; put here what your robot's camera gives."""
    with open_source(source, wait=True) as camera, eye:
        frames, why = camera.watch(), ""
        while (both := await asyncio.gather(asyncio.to_thread(next, frames, eye), asyncio.sleep(0.06)))[0] is not eye:
            frame = both[0]
            if isinstance(frame, Frame):
                eye.put(frame.image)
            elif camera.state.name != "running" and camera.state.reason != why:
                print("I wait for my camera:", why := camera.state.reason)


async def main(source: str = "virtual:") -> None:  # for a real camera: "picamera:0" or "usb:0"
    """Look until the frames end; `fov` is that of Camera Module 3, in degrees."""
    eye, gaze = PushSource((640, 480)), (0.0, 0.0)
    opened = asyncio.to_thread(Pipeline.open, eye, rules=EventRules(held={"happy": 0.5}), fov=66)
    async with await opened as pipeline, asyncio.TaskGroup() as tasks:
        pipeline.when_state = lambda change: print("My camera is", change.state.name)
        pipeline.when_held = lambda _: print("Hello! Nice to see you smile.")
        tasks.create_task(look(eye, source))
        async for result in pipeline.stream():
            nearest = result.faces[0].direction if result.faces else None
            if nearest and math.dist(nearest, gaze) > 5:
                gaze = nearest
                print("I turn my head to {:+.0f} degrees right, {:+.0f} up".format(*gaze))


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:2]))
