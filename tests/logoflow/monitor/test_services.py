"""Prefect's health, asked of a real HTTP server that answers as Prefect's does, late, or not at all."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from logoflow.monitor.model import Worker
from logoflow.monitor.services import ask_server

POOLS = [{"name": "logo flow"}]
WORKERS = [{"name": "one", "status": "ONLINE"}, {"name": "two", "status": "OFFLINE"}]


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a server with these answers by path; its address."""
    servers = []

    def start(answers: dict[str, Any], wait_s: float = 0.0) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(wait_s)
                self.send_response(200 if self.path in answers else 404)
                self.end_headers()
                self.wfile.write(json.dumps(answers.get(self.path)).encode())

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{server.server_port}/api"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_server_tells_its_health_and_workers_and_its_password_stays_here(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = serve(
        {
            "/api/health": True,
            "/api/work_pools/filter": POOLS,
            "/api/work_pools/logo%20flow/workers/filter": WORKERS,
        }
    )
    monkeypatch.setenv("PREFECT_API_URL", f"http://{place}")
    server = ask_server(tmp_path)
    assert server is not None
    assert (server.url, server.healthy) == (f"http://{place}", True)
    assert server.workers == [
        Worker(pool="logo flow", name="one", online=True),
        Worker(pool="logo flow", name="two", online=False),
    ]


@pytest.mark.parametrize(
    ("answers", "wait_s"),
    [({}, 0.0), ({"/api/health": True, "/api/work_pools/filter": "no list"}, 0.0), ({"/api/health": True}, 1.5)],
    ids=["no Prefect", "something else", "slow"],
)
def test_whatever_does_not_answer_as_prefect_does_is_none(
    serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], wait_s: float, tmp_path: Path
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://{serve(answers, wait_s)}")
    assert ask_server(tmp_path) is None


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/api", "nonsense", "http://[broken/api"])
def test_a_server_that_is_down_or_misnamed_is_none(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url)
    assert ask_server(tmp_path) is None
