"""`logoflow up` with Prefect's real server and worker: in the background, then in the foreground behind a password."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from postgres import postgres
from small_pipeline import ROOT, Pipeline, free_port, write_logos

from logoflow.store.store import Store
from logoflow.up.place import find_running
from logoflow.up.processes import PATIENCE_S, marked

PASSWORD = "sesame: open"
MARKDOWN = {"any_": ["markdown"]}
WAIT_S = 600
DEPLOYMENTS = {row["name"] for row in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}


@dataclass(frozen=True)
class Up:
    """An `up` that was asked for, and the pipeline whose store it serves."""

    pipeline: Pipeline
    port: int
    pages_port: int
    host: str = "127.0.0.1"

    @property
    def options(self) -> list[str]:
        return ["--host", self.host, "--port", str(self.port), "--pages-port", str(self.pages_port)]

    def ask(self, path: str, body: dict[str, Any] | None = None, password: str | None = None) -> Any:
        """What Prefect's API answers, by POST where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if password is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(password.encode()).decode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api{path}", data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def pids(self, service: str) -> list[int]:
        return marked(self.pipeline.store, service)

    def nothing_is_left(self) -> bool:
        return not any(self.pids(service) for service in PATIENCE_S) and find_running(self.pipeline.store) is None


def until(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_S
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.5)
    return found


def make_pipeline(folder: Path, **variables: str) -> Pipeline:
    """Twenty logos, and an environment that knows of no other server."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "LOGOFLOW_"))}
    pipeline = Pipeline(folder, {**known, "DO_NOT_TRACK": "1", "PREFECT_WORKER_QUERY_SECONDS": "1", **variables})
    folder.mkdir()
    write_logos(pipeline.logos, 0, 20)
    pipeline.write_config()
    return pipeline


@pytest.fixture(scope="module")
def background(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`up --detach`."""
    up = Up(make_pipeline(tmp_path_factory.mktemp("up") / "small"), free_port(), free_port())
    command = up.pipeline.command("up", "--detach", *up.options)
    done = subprocess.run(
        command, env=up.pipeline.environment, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S
    )
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"http://127.0.0.1:{up.port}\n" in done.stdout
        yield up
    finally:
        up.pipeline.logoflow("down")


def test_everything_is_deployed_and_the_nightly_is_scheduled(background: Up) -> None:
    rows = {row["name"]: row["id"] for row in background.ask("/deployments/filter", {})}
    assert set(rows) == DEPLOYMENTS
    nightly = {"deployments": {"name": {"any_": ["nightly"]}}}
    scheduled = until(lambda: background.ask("/flow_runs/filter", nightly))
    assert {run["state"]["type"] for run in scheduled} == {"SCHEDULED"}
    assert {run["expected_start_time"][11:16] for run in scheduled} == {"02:00"}


def test_the_worker_runs_a_deployment_in_the_store_of_up(background: Up) -> None:
    (row,) = (row for row in background.ask("/deployments/filter", {}) if row["name"] == "ingest")
    values = yaml.safe_load(background.pipeline.config.read_text())
    asked = {"parameters": {"config": values, "only": "ingest"}}
    run = background.ask(f"/deployments/{row['id']}/create_flow_run", asked)["id"]
    done = ("COMPLETED", "FAILED", "CRASHED")
    until(lambda: background.ask(f"/flow_runs/{run}")["state"]["type"] in done)
    assert background.ask(f"/flow_runs/{run}")["state"]["type"] == "COMPLETED"
    assert len(list(Store(background.pipeline.store).artifacts("ingest"))) == 1
    (summary,) = background.ask("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}, "type": MARKDOWN}})
    assert f"(http://127.0.0.1:{background.pages_port}/report/ingest.html)" in summary["data"]


def test_status_and_run_find_the_server(background: Up) -> None:
    told = json.loads(background.pipeline.logoflow("status", "--json").stdout)["server"]
    assert (told["url"], told["healthy"]) == (f"http://127.0.0.1:{background.port}/api", True)
    assert [worker["online"] for worker in told["workers"]] == [True]
    before = background.ask("/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}})
    background.pipeline.run("--only", "detect_text")
    after = background.ask("/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}})
    assert after == before + 1


def test_pages_of_other_hosts_are_not_let_in(background: Up) -> None:
    headers = {"Origin": "http://logos.example", "Access-Control-Request-Method": "POST"}
    url = f"http://127.0.0.1:{background.port}/api/flow_runs/filter"
    with pytest.raises(urllib.error.HTTPError, match="400"):  # a browser asks before it sends JSON elsewhere
        urllib.request.urlopen(urllib.request.Request(url, headers=headers, method="OPTIONS"), timeout=60)


def test_a_second_up_is_refused_in_a_sentence(background: Up) -> None:
    done = background.pipeline.logoflow("up", "--port", str(free_port()), "--pages-port", str(free_port()))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"http://127.0.0.1:{background.port}): end it with `logoflow down`" in done.stderr


def test_a_worker_that_is_killed_is_started_again(background: Up) -> None:
    (worker,) = background.pids("worker")
    os.kill(worker, signal.SIGKILL)
    until(lambda: background.pids("worker") not in ([], [worker]))
    log = (background.pipeline.store / ".up" / "logs" / "up.log").read_text()
    assert "worker ended by signal 9; it is started again in 1 s" in log


def test_down_ends_all(background: Up) -> None:
    done = background.pipeline.logoflow("down")
    assert (done.returncode, done.stdout) == (0, "Ended.\n")
    assert background.nothing_is_left()
    again = background.pipeline.logoflow("down")
    assert (again.returncode, again.stdout) == (0, f"Nothing runs on {background.pipeline.store}.\n")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Up, subprocess.Popen[bytes], str]]:
    """`up` in the foreground, on all addresses, with a password, on PostgreSQL; only when asked for."""
    if "GUARDED" not in os.environ:
        pytest.skip("takes a minute: make guarded")
    with postgres() as database:
        variables = {"LOGOFLOW_PASSWORD": PASSWORD, "PREFECT_SERVER_DATABASE_CONNECTION_URL": database}
        pipeline = make_pipeline(tmp_path_factory.mktemp("guarded") / "small", **variables)
        up = Up(pipeline, free_port(), free_port(), "0.0.0.0")
        process = subprocess.Popen(pipeline.command("up", *up.options), env=pipeline.environment, cwd=ROOT)
        try:
            until(lambda: process.poll() is not None or ((run := find_running(pipeline.store)) and run.ready))
            yield up, process, database
        finally:
            process.kill()
            process.wait()
            until(up.nothing_is_left)


def test_prefects_server_and_the_pages_want_the_password(guarded: tuple[Up, subprocess.Popen[bytes], str]) -> None:
    up, _, _ = guarded
    for password in (None, "logoflow:", f"logoflow:{PASSWORD}x", PASSWORD):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            up.ask("/deployments/filter", {}, password)
    assert len(up.ask("/deployments/filter", {}, f"logoflow:{PASSWORD}")) == len(DEPLOYMENTS)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{up.pages_port}/status.json", timeout=60)
    until(lambda: any(pool for pool in up.ask("/work_pools/logoflow/workers/filter", {}, f"logoflow:{PASSWORD}")))
    told = json.loads(up.pipeline.logoflow("status", "--json").stdout)["server"]
    assert (told["healthy"], len(told["workers"])) == (True, 1)
    assert PASSWORD not in json.dumps(told)


def test_prefects_server_keeps_its_tables_in_postgresql(guarded: tuple[Up, subprocess.Popen[bytes], str]) -> None:
    _, _, database = guarded

    async def names() -> set[str]:
        connection = await asyncpg.connect(database.replace("+asyncpg", ""))
        try:
            assert await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'") == 1
            return {row["name"] for row in await connection.fetch("SELECT name FROM deployment")}
        finally:
            await connection.close()

    assert asyncio.run(names()) == DEPLOYMENTS


def test_nothing_is_left_when_up_is_killed(guarded: tuple[Up, subprocess.Popen[bytes], str]) -> None:
    up, process, _ = guarded
    assert all(up.pids(service) for service in ("server", "pages", "worker"))
    process.kill()
    until(up.nothing_is_left)


def test_up_is_refused_beyond_this_machine_without_a_password(tmp_path: Path) -> None:
    done = make_pipeline(tmp_path / "small").logoflow("up", "--host", "0.0.0.0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "set LOGOFLOW_PASSWORD to a password" in done.stderr
