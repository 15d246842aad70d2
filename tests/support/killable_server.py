"""A Prefect server that a test can kill and start again on what it kept."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
from small_pipeline import BIN, free_port, wait_until_healthy

UNENDED = ["PENDING", "RUNNING", "CANCELLING"]
STOP_S = 30


class PrefectServer:
    """A server with a home and a port of its own; SQLite keeps what it knows over kills."""

    def __init__(self, home: Path, log_level: str = "CRITICAL") -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.environment = {
            **os.environ,
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_LOGGING_LEVEL": log_level,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait for its first answer."""
        self.home.mkdir(exist_ok=True)
        path = self.home / "server.log"
        command = [BIN / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port), "--no-ui"]
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until_healthy(self.url, self._process, path)

    def kill(self) -> None:
        """End by SIGKILL its process and all that it started."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it, by force where it does not end by itself."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def unended(self) -> list[str]:
        """The flow runs and task runs that it takes to be alive."""
        asked: dict[str, Any] = {"state": {"type": {"any_": UNENDED}}}
        found = httpx.post(f"{self.url}/flow_runs/filter", json={"flow_runs": asked}, timeout=30).json()
        found += httpx.post(f"{self.url}/task_runs/filter", json={"task_runs": asked}, timeout=30).json()
        return [f"{run['name']} {run['state']['type']}" for run in found]
