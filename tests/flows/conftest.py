"""One real Prefect server for all flow tests, and one finished run of a small pipeline."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect_server import prefect
from small_pipeline import BIN, LOGOS, ROOT, Pipeline, Server, free_port, wait_until_healthy, write_logos


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start a server on a free port of the loopback interface; it is stopped at the end."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "1",
    }
    log = (home / "server.log").open("w")
    command = [BIN / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until_healthy(url, process, home / "server.log")
        yield Server(environment, url)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def finished(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """A pipeline that ran once, unbroken, on logos of the embedded sample. Tests copy it before they change it."""
    pipeline = Pipeline(tmp_path_factory.mktemp("finished"), server.environment)
    write_logos(pipeline.logos, 0, LOGOS)
    (pipeline.logos / "notes.png").write_text("this is no picture")
    pipeline.write_config()
    pipeline.run()
    return pipeline


@pytest.fixture(scope="session")
def deployed(server: Server) -> Server:
    """The server with everything of prefect.yaml deployed to it."""
    prefect(server, "work-pool", "create", "logoflow", "--type", "process")
    prefect(server, "--no-prompt", "deploy", "--all")
    return server


@pytest.fixture(scope="session")
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
