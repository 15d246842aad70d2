"""Prefect's worker dies, alone or with the flow that it started: what was made is kept, and nothing stays Running."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import pytest
from fault_bench import Bench, in_full, moments
from prefect_server import end_of, prefect, start
from small_pipeline import BIN, ROOT, Server

from logoflow.store.ledger import Event, Kind, Ledger

KILLS = 6
WAIT_S = 240


@pytest.fixture(scope="module")
def deployed(bench: Bench) -> Server:
    """The server, with the pipeline as a deployment."""
    server = Server(bench.server.environment, bench.server.url)
    prefect(server, "work-pool", "create", "logoflow", "--type", "process")
    prefect(server, "--no-prompt", "deploy", "--name", "on-demand")
    return server


@contextmanager
def worker_of(server: Server) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that polls every second."""
    command = [str(BIN / "prefect"), "worker", "start", "--pool", "logoflow"]
    environment = {**server.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, cwd=ROOT, **quiet) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def wait_for(ledger: Ledger, after: int, kind: Kind, stage: str | None = None) -> Event:
    """The first event of a kind that is told after another."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        for event in ledger.events(after=after):
            if event.kind is kind and stage in (None, event.stage):
                return event
        time.sleep(0.02)
    raise AssertionError(f"{kind} of {stage} was not told within {WAIT_S} s")


@in_full
@pytest.mark.parametrize("victims", ["worker", "worker and its flow"])
def test_a_killed_worker_loses_nothing(bench: Bench, deployed: Server, seed: int, victims: str) -> None:
    for stage, share in islice(moments(seed + 2), KILLS):
        store = bench.store_without(stage)
        ledger = Ledger(store / ".ledger.sqlite")
        seen = ledger.last_seq()
        with worker_of(deployed) as worker, bench.trial(f"kill -9 of the {victims}", store):
            run = start(deployed, "on-demand", config=str(bench.pipeline.config), store=str(store))
            flow = wait_for(ledger, seen, Kind.RUN_STARTED).data["pid"]
            wait_for(ledger, seen, Kind.STAGE_STARTED, stage)
            time.sleep(share * bench.duration_s[stage])
            worker.kill()
            if victims == "worker":
                assert end_of(deployed, run)["type"] == "COMPLETED"  # the flow goes on without it
            else:
                os.kill(flow, signal.SIGKILL)
