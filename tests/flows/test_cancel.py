"""Ctrl-C and Prefect's cancel end a run: a snapshot is written, the store stays clean, nothing stays Running."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from prefect_server import ask, end_of, start, task_states
from small_pipeline import ROOT, Pipeline, Server

from logoflow.status import read_runs
from logoflow.store.check import verify
from logoflow.store.ledger import Ledger
from logoflow.store.store import Store

LONG = "train_gan.total_kimg=100"
BUSY = """
import time
from uuid import UUID
from prefect import flow, task
from prefect.runtime import flow_run
from flows.cancel import ends_soon

@task(name="unit")
def unit():
    print(flow_run.get_id(), flush=True)
    time.sleep(10_000)

@flow
def busy():
    with ends_soon(UUID(flow_run.get_id()), again="do it again"):
        unit.submit().result()

busy()
"""
WAIT_S = 240


@pytest.fixture
def pipeline(finished: Pipeline, tmp_path: Path) -> Pipeline:
    """A pipeline of which everything before the training is done."""
    return finished.copy(tmp_path / "cancelled")


def wait_for_steps(ledger: Ledger, after: int) -> None:
    """Wait until the training has told of its first steps."""
    end = time.monotonic() + WAIT_S
    while not any(event.stage == "train_gan" and event.data.get("done") for event in ledger.events(after=after)):
        assert time.monotonic() < end, "the training did not begin"
        time.sleep(0.05)


def check_cancelled(pipeline: Pipeline, server: Server, again: str) -> None:
    """What is left of a run that was cancelled during train_gan."""
    store = Store(pipeline.store)
    run = read_runs(Ledger(pipeline.store / ".ledger.sqlite"))[0]
    assert (run.state, run.stages["train_gan"].state) == ("cancelled", "cancelled")
    assert run.message == f"cancelled during train_gan; go on with `{again}`"
    assert run.flow_run is not None
    state = ask(server, f"/flow_runs/{run.flow_run}")["state"]
    assert (state["type"], state["message"]) == ("CANCELLED", run.message)
    states = {name: state["type"] for name, state in task_states(server, run.flow_run).items()}
    assert states.pop("train_gan") == "CRASHED"  # Prefect's word for a task whose process was ended
    assert set(states.values()) <= {"COMPLETED"}
    assert list((store.root / ".tmp").glob("*")) == []
    assert list(verify(store)) == []
    (work,) = (store.root / ".work").glob("train_gan-*")
    assert list(work.glob("snapshots/*/state.json"))


def test_ctrl_c_ends_a_run(pipeline: Pipeline, server: Server) -> None:
    ledger = Ledger(pipeline.store / ".ledger.sqlite")
    command = pipeline.command("run", str(pipeline.config), "--set", LONG)
    seen = ledger.last_seq()
    with subprocess.Popen(
        command, env=pipeline.environment, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, text=True
    ) as process:
        wait_for_steps(ledger, seen)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    again = " ".join(["logoflow", *command[1:]])
    assert f"go on with `{again}`" in said
    check_cancelled(pipeline, server, again)


def test_prefects_cancel_ends_a_run(pipeline: Pipeline, deployed: Server, worker: Path) -> None:
    ledger = Ledger(pipeline.store / ".ledger.sqlite")
    values = yaml.safe_load(pipeline.config.read_text())
    values["train_gan"]["total_kimg"] = 100
    seen = ledger.last_seq()
    run = start(deployed, "on-demand", config=values, start="train_gan", store=str(pipeline.store))
    wait_for_steps(ledger, seen)
    cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    assert ask(deployed, f"/flow_runs/{run}/set_state", cancelling)["status"] == "ACCEPT"
    assert end_of(deployed, run)["type"] == "CANCELLED", worker.read_text()[-3000:]
    check_cancelled(pipeline, deployed, f"prefect flow-run retry {run}")


def test_a_unit_that_nothing_can_interrupt_does_not_hold_the_end_back(server: Server) -> None:
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, env=server.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        flow_run = process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert said == "The run was cancelled; go on with `do it again`. What is done is kept.\n"
    assert ask(server, f"/flow_runs/{flow_run}")["state"]["type"] in ("CANCELLED", "CRASHED")
    assert {state["type"] for state in task_states(server, flow_run).values()} == {"CANCELLED"}
