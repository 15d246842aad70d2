"""kill -9 at many moments, then the same command again: it ends in the same content as a run that was never broken."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from prefect_server import ask
from small_pipeline import ROOT, Pipeline, Server

from logoflow.stages import STAGES
from logoflow.status import dead_runs, read_runs
from logoflow.store.check import verify
from logoflow.store.ledger import Event, Kind, Ledger
from logoflow.store.store import Store

MOMENTS = [
    ("ingest", Kind.STAGE_STARTED, 0.0),
    ("detect_text", Kind.PROGRESS, 0.0),
    ("train_encoder", Kind.STAGE_STARTED, 0.3),
    ("train_encoder", Kind.PROGRESS, 0.1),
    ("curate", Kind.STAGE_STARTED, 0.0),
    ("train_gan", Kind.STAGE_STARTED, 0.5),
    ("train_gan", Kind.PROGRESS, 0.2),
    ("evaluate", Kind.STAGE_STARTED, 0.5),
    ("report", Kind.STAGE_STARTED, 0.1),
]
"""A stage, what it tells, and how many seconds later the run is killed."""

WAIT_S = 240


def contents(pipeline: Pipeline) -> dict[str, str]:
    """Content digest of each stage's only artifact."""
    store = Store(pipeline.store)
    return {name: artifact.content for name in STAGES for artifact in store.artifacts(name)}


def kill_at(pipeline: Pipeline, stage: str, kind: Kind, delay_s: float, *arguments: str) -> bool:
    """Start a run and kill it, with all its children, some time after an event; False where the run ended before."""
    ledger = Ledger(pipeline.store / ".ledger.sqlite")
    seen = max((event.seq for event in ledger.events()), default=0)
    command = pipeline.command("run", str(pipeline.config), *arguments)
    process = subprocess.Popen(
        command, env=pipeline.environment, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < end:
        if any(event.stage == stage and event.kind is kind for event in ledger.events(after=seen)):
            time.sleep(delay_s)
            break
        time.sleep(0.02)
    running = process.poll() is None
    if running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return running


def test_a_run_that_was_killed_many_times_ends_like_one_that_was_not(finished: Pipeline, tmp_path: Path) -> None:
    broken = Pipeline(tmp_path / "broken", finished.environment)
    broken.logos.parent.mkdir()
    broken.logos.symlink_to(finished.logos)
    broken.write_config()
    killed = [kill_at(broken, *moment) for moment in MOMENTS]
    assert sum(killed) >= len(MOMENTS) - 2, "the moments must fall into the run"
    store = Store(broken.store)
    assert list(verify(store)) == []
    broken.run()
    assert contents(broken) == contents(finished)
    assert list(verify(store)) == []


def test_a_killed_run_is_told_as_crashed(finished: Pipeline, tmp_path: Path) -> None:
    broken = finished.copy(tmp_path / "broken")
    assert kill_at(broken, "train_gan", Kind.STAGE_STARTED, 0.0, "--set", "train_gan.total_kimg=0.16")
    (told,) = json.loads(broken.logoflow("status", "--json").stdout)["pipelines"]
    states = {stage["name"]: stage["state"] for stage in told["stages"]}
    assert (told["last_run"]["state"], states["curate"], states["train_gan"]) == ("crashed", "cached", "crashed")


def test_the_next_run_ends_a_dead_one_in_prefect_too(finished: Pipeline, tmp_path: Path) -> None:
    broken = finished.copy(tmp_path / "broken")
    assert kill_at(broken, "train_gan", Kind.STAGE_STARTED, 0.0, "--set", "train_gan.total_kimg=0.16")
    ledger = Ledger(broken.store / ".ledger.sqlite")
    (dead,) = dead_runs(ledger)
    assert dead.flow_run is not None
    assert "during train_gan" in dead.message
    assert states_of(broken, dead.flow_run) >= {"RUNNING"}
    assert broken.logoflow("run", str(broken.config), "--from", "report", "--set", "report.title=x").returncode == 0
    assert states_of(broken, dead.flow_run) <= {"CRASHED", "COMPLETED"}
    assert dead_runs(ledger) == []
    ended = next(run for run in read_runs(ledger) if run.id == dead.id)
    assert (ended.state, ended.ended, ended.stages["train_gan"].state) == ("crashed", dead.ended, "crashed")


def states_of(pipeline: Pipeline, flow_run: str) -> set[str]:
    """The states that Prefect's server tells of a flow run and of its task runs."""
    server = server_of(pipeline)
    found = {ask(server, f"/flow_runs/{flow_run}")["state"]["type"]}
    asked = {"flow_runs": {"id": {"any_": [flow_run]}}}
    return found | {run["state"]["type"] for run in ask(server, "/task_runs/filter", asked)}


def server_of(pipeline: Pipeline) -> Server:
    """The server that a pipeline's runs tell."""
    return Server(pipeline.environment, pipeline.environment["PREFECT_API_URL"])


def test_a_run_killed_when_all_was_built_is_ended_by_the_next_though_there_is_nothing_to_do(
    finished: Pipeline, tmp_path: Path
) -> None:
    broken = finished.copy(tmp_path / "broken")
    flow_run = begin_flow_run(broken)
    ledger = ledger_with_dead(broken, "killed", flow_run)
    assert "Nothing to do" in broken.run()
    assert states_of(broken, flow_run) == {"CRASHED"}
    assert read_runs(ledger)[0].told


@pytest.mark.parametrize(("told", "shown"), [("completed", "COMPLETED"), ("failed", "CRASHED")])
def test_a_run_that_ended_while_the_server_was_down_is_ended_there_by_the_next(
    finished: Pipeline, tmp_path: Path, told: str, shown: str
) -> None:
    broken = finished.copy(tmp_path / "broken")
    flow_run = begin_flow_run(broken)
    ledger = ledger_with_dead(broken, "unheard", flow_run)
    ledger.append(Event("unheard", "small", Kind.RUN_ENDED, data={"state": told, "message": "no server"}))
    broken.run("--only", "report", "--set", f"report.title={told}")
    assert states_of(broken, flow_run) == {shown}


def ledger_with_dead(pipeline: Pipeline, run: str, flow_run: str) -> Ledger:
    """The ledger, which tells of the start of a run whose process is gone."""
    ledger = Ledger(pipeline.store / ".ledger.sqlite")
    gone = {"pid": 1, "born": "never", "host": {"name": socket.gethostname()}, "flow_run": flow_run}
    ledger.append(Event(run, "small", Kind.RUN_STARTED, data=gone))
    return ledger


def begin_flow_run(pipeline: Pipeline) -> str:
    """A flow run that Prefect takes to be running."""
    server = server_of(pipeline)
    flow = ask(server, "/flows/", {"name": "pipeline"})["id"]
    asked = {"flow_id": flow, "state": {"type": "RUNNING", "name": "Running"}}
    return str(ask(server, "/flow_runs/", asked)["id"])
