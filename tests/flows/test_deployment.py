"""prefect.yaml deploys offline, and a worker runs what it deploys."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_pipeline import BIN, ROOT, Pipeline, Server

from logoflow.stages import STAGES
from logoflow.store.store import Store

WAIT_S = 240


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


@pytest.fixture(scope="module")
def deployed(server: Server) -> Server:
    """The server with everything of prefect.yaml deployed to it."""
    prefect(server, "work-pool", "create", "logoflow", "--type", "process")
    prefect(server, "--no-prompt", "deploy", "--all")
    return server


@pytest.fixture(scope="module")
def worker(deployed: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A worker that polls every second; its log."""
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    environment = {**deployed.environment, "PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_LOGGING_LEVEL": "INFO"}
    command = [str(BIN / "prefect"), "worker", "start", "--pool", "logoflow"]
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=out, stderr=out)
        try:
            yield log
        finally:
            process.kill()  # asked to end just after a run, Prefect's worker sometimes waits for ever
            process.wait()


def test_each_flow_and_each_stage_is_deployed(deployed: Server) -> None:
    found = {row["name"]: row for row in ask(deployed, "/deployments/filter", {})}
    stages = {name.replace("_", "-") for name in STAGES}
    assert set(found) == {"nightly", "on-demand", "prepare", "train", "publish"} | stages
    assert [schedule["schedule"]["cron"] for schedule in found["nightly"]["schedules"]] == ["0 2 * * *"]
    assert {row["parameters"].get("only") for row in found.values()} == {None, *STAGES}


def test_the_form_explains_every_setting_of_a_stage(deployed: Server) -> None:
    (row,) = (row for row in ask(deployed, "/deployments/filter", {}) if row["name"] == "on-demand")
    definitions = row["parameter_openapi_schema"]["definitions"]
    fields = definitions["ClusterConfig"]["properties"]
    assert fields["k"]["description"].startswith("Number of clusters")
    assert fields["k"]["minimum"] == 2


def test_a_worker_runs_a_deployment(finished: Pipeline, worker: Path, deployed: Server, tmp_path: Path) -> None:
    (row,) = (row for row in ask(deployed, "/deployments/filter", {}) if row["name"] == "ingest")
    values = yaml.safe_load(finished.config.read_text())
    parameters = {"config": values, "only": "ingest", "store": str(tmp_path / "store")}
    run = ask(deployed, f"/deployments/{row['id']}/create_flow_run", {"parameters": parameters})
    end = time.monotonic() + WAIT_S
    state = ""
    while state not in ("COMPLETED", "FAILED", "CRASHED") and time.monotonic() < end:
        time.sleep(1)
        state = ask(deployed, f"/flow_runs/{run['id']}")["state"]["type"]
    assert state == "COMPLETED", worker.read_text()[-3000:]
    (made,) = Store(tmp_path / "store").artifacts("ingest")
    (same,) = Store(finished.store).artifacts("ingest")
    assert made.content == same.content
    tasks = ask(deployed, "/task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [run["id"]]}}})
    told = {task["state"]["name"]: task["state"]["message"] for task in tasks if task["name"].startswith("ingest-")}
    assert told["Built"].endswith("never ran")
