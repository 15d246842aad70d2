"""Asking a Prefect server as its users do: by its command and by its interface."""

import subprocess
import time
from typing import Any

import httpx
from small_pipeline import BIN, ROOT, Server

WAIT_S = 240
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def prefect(server: Server, *arguments: str) -> str:
    """Run a command of Prefect's, which must end well."""
    command = [str(BIN / "prefect"), *arguments]
    done = subprocess.run(command, env=server.environment, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(server: Server, path: str, body: Any = None) -> Any:
    """Ask the server's interface, by POST where there is a body; again while its database is busy, as Prefect does."""
    end = time.monotonic() + WAIT_S
    while True:
        answer = httpx.request("GET" if body is None else "POST", f"{server.url}{path}", json=body, timeout=60)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > end:
            return answer.raise_for_status().json() if answer.content else None
        time.sleep(0.5)


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


def unattended(server: Server, name: str) -> str:
    """The id of a deployment of the pipeline whose runs no worker picks up."""
    like = deployment(server, "nightly")
    pool = f"nobody-{name}"
    ask(server, "/work_pools/", {"name": pool, "type": "process"})
    made = {"name": name, "flow_id": like["flow_id"], "tags": like["tags"], "work_pool_name": pool}
    return str(ask(server, "/deployments/", made)["id"])
