"""An RTSP server of colour bars on loopback, by GStreamer; for the system's Python, which has its bindings.

    /usr/bin/python3 rtsp_server.py [PORT]

Serves /bars as Motion JPEG and prints its port when it can be asked; 0 takes one that is free. Ends when
its input is closed, so that it does not outlive a test.
"""

import sys

import gi  # type: ignore[import-not-found]  (a package of the system, not of the venv)

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402  (versions are chosen before)

BARS = (
    "( videotestsrc is-live=true pattern=smpte100 ! video/x-raw,format=I420,width=224,height=160,framerate=15/1 "
    "! jpegenc ! rtpjpegpay name=pay0 )"
)

Gst.init(None)
server = GstRtspServer.RTSPServer(address="127.0.0.1", service=sys.argv[1] if len(sys.argv) > 1 else "0")
factory = GstRtspServer.RTSPMediaFactory(launch=BARS, shared=True)
server.get_mount_points().add_factory("/bars", factory)
server.attach(None)
loop = GLib.MainLoop()
GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IO_HUP, lambda *_: loop.quit())
print(server.get_bound_port(), flush=True)
loop.run()
