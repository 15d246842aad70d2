"""The status pages of a store over real HTTP, in a thread of the test."""

import http.client
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import uvicorn

from logoflow.server import make_app


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Pages:
    """A server that runs, and a client that sends paths as they are."""

    def __init__(self, port: int) -> None:
        self.port = port

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


@contextmanager
def serving(root: Path, password: str | None = None) -> Iterator[Pages]:
    """Serve a store on a free port."""
    server = uvicorn.Server(uvicorn.Config(make_app(root, password), log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Pages(listener.getsockname()[1])  # it listens: who asks early waits
        finally:
            server.should_exit = True
            thread.join()
