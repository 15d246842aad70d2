"""Asking a Prefect server as its users do: by its command and by its interface."""

import json
import subprocess
import time
import urllib.request
from typing import Any

from small_pipeline import BIN, ROOT, Server

WAIT_S = 240
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def prefect(server: Server, *arguments: str) -> str:
    """Run a command of Prefect's, which must end well."""
    command = [str(BIN / "prefect"), *arguments]
    done = subprocess.run(command, env=server.environment, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(server: Server, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask the server's interface, by POST where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def deployment(server: Server, name: str) -> dict[str, Any]:
    """A deployment by its name."""
    found: list[dict[str, Any]] = ask(server, "/deployments/filter", {"deployments": {"name": {"any_": [name]}}})
    return found[0]


def start(server: Server, name: str, **parameters: Any) -> str:
    """Have a deployment run; the id of the flow run."""
    path = f"/deployments/{deployment(server, name)['id']}/create_flow_run"
    return str(ask(server, path, {"parameters": parameters})["id"])


def end_of(server: Server, flow_run: str) -> dict[str, Any]:
    """The state in which a flow run ends."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        state: dict[str, Any] = ask(server, f"/flow_runs/{flow_run}")["state"]
        if state["type"] in ENDED:
            return state
        time.sleep(0.3)
    raise AssertionError(f"flow run {flow_run} did not end within {WAIT_S} s: {state}")


def task_states(server: Server, flow_run: str) -> dict[str, dict[str, Any]]:
    """The state of each task run of a flow run, by task."""
    found = ask(server, "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [flow_run]}}})
    return {task["name"].rpartition("-")[0]: task["state"] for task in found}
