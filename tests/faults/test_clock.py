"""The clock goes back by days, between runs and in the middle of one: status, plan and gc are not misled."""

import json
import subprocess
import time
from pathlib import Path

import pytest
from fault_bench import SETTLE_S, Bench, in_full
from prefect_server import task_states
from small_pipeline import ROOT, Server

from logoflow.stages import STAGES
from logoflow.status import read_runs
from logoflow.store.ledger import Ledger

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="Debian's libfaketime is not installed")


@in_full
def test_a_clock_that_goes_back_breaks_neither_run_nor_status_nor_plan_nor_gc(bench: Bench, tmp_path: Path) -> None:
    for stage in ("train_encoder", "train_gan", "report"):
        store = bench.store_without(stage)
        with bench.trial("clock goes back", store):
            offset = tmp_path / "offset"
            offset.write_text("-1d")
            moved = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1"}
            job = cold_run(bench, store, {**moved, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
            time.sleep(10)
            offset.write_text("-3d")  # in the middle of the run
            told, _ = job.communicate(timeout=300)
            assert job.returncode == 0, told
            assert newest_run(bench, store)["state"] == "completed"
            wait_for_prefect(bench, store)
            looked = bench.warm.start("plan", str(bench.pipeline.config), "--check", "--store", str(store))
            assert looked.exit_code() == 0, looked.log.read_text()
            collected = bench.warm.start("gc", "--keep-last", "1", "--delete", "--store", str(store))
            assert collected.exit_code() == 0, collected.log.read_text()


def cold_run(bench: Bench, store: Path, environment: dict[str, str]) -> "subprocess.Popen[str]":
    """A run in a process of its own: the library that moves the clock has to be loaded first."""
    command = bench.pipeline.command("run", str(bench.pipeline.config))[:-1]
    return subprocess.Popen(
        [*command, str(store)],
        env={**bench.server.environment, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_prefect(bench: Bench, store: Path) -> None:
    """Wait until the server has recorded the stages, which comes late.

    It keeps the latest state by time: a stage during which the clock went back is Running until a later run ends it.
    """
    flow_run = read_runs(Ledger(store / ".ledger.sqlite"))[0].flow_run
    assert flow_run is not None
    end = time.monotonic() + SETTLE_S
    while not set(STAGES) <= set(task_states(Server(bench.server.environment, bench.server.url), flow_run)):
        assert time.monotonic() < end, "the server does not know of all stages"
        time.sleep(0.5)


def newest_run(bench: Bench, store: Path) -> dict[str, object]:
    """What status says of the last run."""
    looked = bench.warm.start("status", "--json", "--store", str(store))
    assert looked.exit_code() == 0, looked.log.read_text()
    (pipeline,) = json.loads(looked.log.read_text())["pipelines"]
    run: dict[str, object] = pipeline["last_run"]
    return run
