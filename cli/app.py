"""The command `ferlite`. This module imports nothing heavy: from its first lines on Ctrl-C ends the process."""

from __future__ import annotations

from .starting import at_once


def main() -> None:
    """Run the command line: exit code 0 good, 1 failed, 2 wrong usage, 130 interrupted."""
    with at_once():
        import logging

        import cv2

        from .commands import app
        from .console import Remarks
        from .errors import reported
        from .streams import prepare

        logging.lastResort = Remarks(logging.WARNING)
        # OpenCV's threads wait for each other by spinning: for pictures of these sizes that costs more than it saves.
        cv2.setNumThreads(1)
    with reported("ferlite"):
        prepare()
        app()
