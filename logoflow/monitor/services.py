"""How Prefect's server and workers are, asked over HTTP within a second; without importing Prefect."""

import base64
import json
import os
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlsplit

from logoflow.monitor.model import Server, Worker
from logoflow.resolve import Place
from logoflow.up.place import server_environment

PATIENCE_S = 1.0


def ask_server(store: Place) -> Server | None:
    """The server in PREFECT_API_URL, else that of the store's `logoflow up`; None where nothing answers in time."""
    environment = {**server_environment(store), **os.environ}
    url = environment.get("PREFECT_API_URL")
    if not url:
        return None
    deadline = time.monotonic() + PATIENCE_S
    try:
        secret = environment.get("PREFECT_API_AUTH_STRING")
        healthy = ask(f"{url}/health", secret, deadline) is True
        pools = ask(f"{url}/work_pools/filter", secret, deadline, {})
        workers = [
            Worker(pool=pool["name"], name=worker["name"], online=worker["status"] == "ONLINE")
            for pool in pools
            for worker in ask(f"{url}/work_pools/{quote(pool['name'])}/workers/filter", secret, deadline, {})
        ]
    except (OSError, ValueError, LookupError, TypeError):  # silent, slow, refusing, or something else than Prefect
        return None
    place = urlsplit(url)
    return Server(url=place._replace(netloc=place.netloc.rpartition("@")[2]).geturl(), healthy=healthy, workers=workers)


def ask(url: str, secret: str | None, deadline: float, body: dict[str, Any] | None = None) -> Any:
    """The answer of Prefect's API as JSON: to a GET, or to a POST of `body`.

    Raises:
        OSError: there is none before the deadline, or it is a refusal.
        ValueError: it is no JSON, or the URL is none.
    """
    headers = {"Content-Type": "application/json"}
    if secret:
        headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=left) as answer:
        return json.loads(answer.read())
