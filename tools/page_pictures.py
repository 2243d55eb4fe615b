"""Pictures of the live page with drawn faces, taken in Chromium."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..device.pipeline import Pipeline
from ..device.sources.base import Source
from ..device.sources.recovery import Recovering
from ..device.sources.virtual import VirtualCamera
from ..device.types import Frame
from ..device.web.live_page import LivePage
from ..errors import SourceError
from .chromium import Browser

_PHONE, _DESKTOP = (390, 844), (1280, 800)
_SEED = 58  # one smiles, one is surprised


@dataclass(frozen=True)
class Shot:
    """A picture to take.

    Attributes:
        path: Of the page.
        size: Of the window, in CSS pixels.
        dark: The system prefers dark colours.
        faces: How many are drawn.
        lost: The camera is lost after a second.
        until: JavaScript that is true when the page shows what is wanted.
        options: Of `LivePage`.
    """

    path: str = ""
    size: tuple[int, int] = _DESKTOP
    dark: bool = False
    faces: int = 2
    lost: bool = False
    until: str = "new Set([...document.querySelectorAll('.face strong')].map((label) => label.textContent)).size > 1"
    options: tuple[tuple[str, Any], ...] = ()


_LOST = "document.body.innerText.includes('Next try')"
_LOGIN = "document.querySelector('#login input')"
_KIOSK = "document.body.dataset.label == 'happy'"
_RUNS = "document.body.dataset.state == 'running'"

SHOTS: dict[str, Shot] = {
    "desktop": Shot(),
    "phone": Shot(size=_PHONE, dark=True),
    "kiosk": Shot("kiosk", faces=1, until=_KIOSK),
    "desktop-dark": Shot(dark=True),
    "desktop-five": Shot(faces=5),
    "desktop-lost": Shot(lost=True, until=_LOST),
    "desktop-login": Shot(until=_LOGIN, options=(("token", "x" * 32),)),
    "desktop-nobody": Shot(faces=0, until=_RUNS),
    "desktop-blur": Shot(options=(("picture", "blur"),)),
    "desktop-none": Shot(options=(("picture", "none"),)),
    "phone-light": Shot(size=_PHONE),
    "phone-five": Shot(size=_PHONE, faces=5),
    "phone-lost": Shot(size=_PHONE, lost=True, until=_LOST),
    "phone-login": Shot(size=_PHONE, dark=True, until=_LOGIN, options=(("token", "x" * 32),)),
    "kiosk-phone": Shot("kiosk", size=_PHONE, until=_KIOSK),
    "kiosk-lost": Shot("kiosk", lost=True, until=_LOST),
}
"""By name; the first three stand in the documentation."""

IN_DOCS = tuple(SHOTS)[:3]


def take(names: list[str], *, on_step: Callable[[str], object] = lambda name: None) -> Iterator[tuple[str, bytes]]:
    """Yield name and JPEG of each picture.

    Args:
        names: Which of `SHOTS`.
        on_step: Called with the name of each before it is taken.
    """
    with Browser() as browser:
        for name in names:
            on_step(name)
            shot = SHOTS[name]
            with _served(shot) as address, browser.tab(address + shot.path, size=shot.size, dark=shot.dark) as tab:
                tab.wait_for(shot.until, 30)
                time.sleep(0.5)  # labels have settled
                yield name, tab.screenshot(quality=85)


@contextmanager
def _served(shot: Shot) -> Iterator[str]:
    """Run a pipeline beside a live page, and yield its address."""
    camera = VirtualCamera(faces=shot.faces, seed=_SEED, live=True)
    source = Recovering(_once(shot.faces), "usb:0") if shot.lost else camera
    with Pipeline.open(source) as pipeline, LivePage(pipeline, port=0, **dict(shot.options)) as page:
        worker = threading.Thread(target=pipeline.run, args=(page,), daemon=True)
        worker.start()
        yield page.address
        pipeline.close()
        worker.join()


def _once(faces: int) -> Callable[[], Source]:
    """Return an opener of a camera that is there once."""
    cameras: list[Source] = [_Unplugged(faces=faces, seed=_SEED, live=True)]

    def opened() -> Source:
        if not cameras:
            raise SourceError("usb:0: no such camera; check its cable")
        return cameras.pop()

    return opened


class _Unplugged(VirtualCamera):
    """A camera that is unplugged after four seconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.spec = "usb:0"

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            if frame.index >= 60:
                raise SourceError("usb:0 was unplugged")
            yield frame
