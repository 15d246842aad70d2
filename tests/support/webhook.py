"""A receiver of webhooks on this machine, which keeps what it is told."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 120


class Receiver:
    """What was posted so far, and where to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: list[dict[str, Any]] = []

    def wait_for(self, event: str, about: str) -> dict[str, Any]:
        """The first message of an event whose text speaks about something."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            for message in list(self.told):
                if message["event"] == event and about in message["text"]:
                    return message
            time.sleep(0.2)
        raise AssertionError(f"nobody told of {event} about {about}: {self.told}")


@contextmanager
def receiving(path: str) -> Iterator[Receiver]:
    """Listen on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == path:
                receiver.told.append(json.loads(body))
            self.send_response(200 if self.path == path else 404)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}{path}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
