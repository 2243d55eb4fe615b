"""A camera on the network: parts of a multipart MJPEG stream from a server of this process."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

PACE = 0.005  # seconds between two parts, so that a stream without end leaves time to others


@pytest.fixture
def serve_mjpeg() -> Iterator[Callable[[Iterable[bytes]], str]]:
    """Serve JPEGs, or what should be ones; returns the address. Each reader gets all parts of a list."""
    with ExitStack() as running:

        def serve(parts: Iterable[bytes]) -> str:
            over = threading.Event()

            class Handler(BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200)
                    self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                    self.end_headers()
                    with suppress(ConnectionError):  # the reader may have left
                        for part in parts:
                            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
                            self.wfile.write(b"Content-Length: %d\r\n\r\n%s\r\n" % (len(part), part))
                            if over.wait(PACE):
                                return

                def log_message(self, format: str, *args: object):
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            running.callback(server.server_close)
            running.callback(server.shutdown)
            running.callback(over.set)
            return f"http://127.0.0.1:{server.server_port}/video"

        yield serve


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A picture of 160 x 120."""
    return cv2.imencode(".jpg", np.full((120, 160, 3), 90, np.uint8))[1].tobytes()
