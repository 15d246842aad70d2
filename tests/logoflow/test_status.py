"""The state of a run follows from its events alone."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from logoflow.machine import process_birth
from logoflow.stages import STAGES
from logoflow.status import RunStatus, fold, read_runs
from logoflow.store.ledger import Event, Kind, Ledger

BEGIN = datetime(2025, 3, 1, 12, tzinfo=UTC)
HERE = {"pid": os.getpid(), "born": process_birth(os.getpid()), "host": {"name": socket.gethostname()}}
STARTED = {"reason": "never ran", "fingerprint": "f00d", "parts": {}}


def events(*told: tuple[Kind, str, dict[str, Any]], pid: int | None = None, host: str | None = None) -> list[Event]:
    """A run's events, a second apart, of a process that lives when nothing else is said."""
    start = {
        "pid": pid or os.getpid(),
        "born": process_birth(os.getpid()),
        "host": {"name": host or socket.gethostname()},
    }
    lines = [(Kind.RUN_STARTED, "", start), *told]
    return [
        Event("run", "demo", kind, stage, data, BEGIN + timedelta(seconds=i))
        for i, (kind, stage, data) in enumerate(lines)
    ]


@pytest.fixture(scope="module")
def dead() -> int:
    """The id of a process that was killed and is gone."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child.kill()
    child.wait()
    return child.pid


def test_a_stage_that_started_is_running_with_its_reason_and_progress() -> None:
    run = fold(
        events(
            (Kind.STAGE_STARTED, "embed", STARTED),
            (Kind.PROGRESS, "embed", {"done": 1, "total": 4, "what": "images"}),
            (Kind.HEARTBEAT, "embed", {"pid": 1}),
            (Kind.PROGRESS, "embed", {"done": 3, "total": 4, "what": "images"}),
        )
    )
    stage = run.stages["embed"]
    assert (run.state, stage.state, stage.reason, stage.fingerprint) == ("running", "running", "never ran", "f00d")
    assert stage.progress == {"done": 3, "total": 4, "what": "images"}
    assert stage.started == BEGIN + timedelta(seconds=1)
    assert stage.heartbeat == BEGIN + timedelta(seconds=3)
    assert run.ended is None


def test_built_cached_failed_and_waiting_stages_are_told_apart() -> None:
    run = fold(
        events(
            (Kind.STAGE_CACHED, "ingest", {"reason": "up to date", "fingerprint": "1", "metrics": {"images": 5}}),
            (Kind.STAGE_STARTED, "detect_text", STARTED),
            (Kind.UNITS, "detect_text", {"unit": "detect_text.scores", "units": 3, "units_run": 1, "images_run": 7}),
            (Kind.STAGE_BUILT, "detect_text", {**STARTED, "duration_s": 2.5, "metrics": {"kept": 3}}),
            (Kind.STAGE_STARTED, "train_encoder", STARTED),
            (Kind.STAGE_FAILED, "train_encoder", {"message": "out of memory", **STARTED}),
            (Kind.RUN_ENDED, "", {"state": "failed", "message": "out of memory"}),
        )
    )
    assert {name: stage.state for name, stage in run.stages.items()} == {
        **dict.fromkeys(STAGES, "waiting"),
        "ingest": "cached",
        "detect_text": "built",
        "train_encoder": "failed",
    }
    assert run.stages["ingest"].metrics == {"images": 5}
    assert (run.stages["detect_text"].duration_s, run.stages["detect_text"].metrics) == (2.5, {"kept": 3})
    assert [unit["images_run"] for unit in run.stages["detect_text"].units] == [7]
    assert run.stages["train_encoder"].reason == "out of memory"
    assert (run.state, run.message, run.ended) == ("failed", "out of memory", BEGIN + timedelta(seconds=7))


def test_a_run_that_ended_is_completed_whatever_became_of_its_process(dead: int) -> None:
    run = fold(events((Kind.RUN_ENDED, "", {"state": "completed"}), pid=dead))
    assert (run.state, run.message) == ("completed", "")


def test_a_run_whose_process_is_gone_has_crashed_and_so_has_the_stage_that_it_was_at(dead: int) -> None:
    run = fold(
        events(
            (Kind.STAGE_STARTED, "ingest", STARTED),
            (Kind.STAGE_BUILT, "ingest", {**STARTED, "duration_s": 1.0, "metrics": {}}),
            (Kind.STAGE_STARTED, "detect_text", STARTED),
            pid=dead,
        )
    )
    assert run.state == "crashed"
    assert [run.stages[name].state for name in ("ingest", "detect_text", "embed")] == ["built", "crashed", "waiting"]
    assert run.ended == BEGIN + timedelta(seconds=3)
    assert "run again" in run.message


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_stage_whose_end_could_not_be_told_ended_as_its_run_did(state: str) -> None:
    run = fold(events((Kind.STAGE_STARTED, "ingest", STARTED), (Kind.RUN_ENDED, "", {"state": state})))
    assert [run.stages[name].state for name in ("ingest", "embed")] == [state, "waiting"]


def test_a_process_that_was_given_the_number_of_a_dead_one_does_not_keep_its_run_alive() -> None:
    started, *rest = events((Kind.STAGE_STARTED, "ingest", STARTED))
    earlier = replace(started, data={**started.data, "born": "another boot 17"})
    assert fold([started, *rest]).state == "running"
    assert fold([earlier, *rest]).state == "crashed"


def test_of_a_process_on_another_machine_nothing_is_known(dead: int) -> None:
    assert fold(events(pid=dead, host="elsewhere")).state == "running"


def test_a_stage_of_another_version_does_not_hide_the_others() -> None:
    run = fold(
        events((Kind.STAGE_STARTED, "colourise", STARTED), (Kind.STAGE_STARTED, "embed", STARTED)),
    )
    assert run.stages["embed"].state == "running"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def tell(ledger: Ledger) -> Callable[..., None]:
    def append(run: str, minutes: int, kind: Kind, stage: str = "", **data: Any) -> None:
        ledger.append(Event(run, "demo", kind, stage, data, BEGIN + timedelta(minutes=minutes)))

    return append


def test_runs_come_newest_first_each_with_its_own_events(ledger: Ledger, tell: Callable[..., None]) -> None:
    for number in range(3):
        tell(
            f"run-{number}",
            number,
            Kind.RUN_STARTED,
            pid=os.getpid(),
            born=process_birth(os.getpid()),
            host={"name": socket.gethostname()},
        )
    tell("run-1", 5, Kind.STAGE_STARTED, "embed", **STARTED)
    tell("run-0", 6, Kind.RUN_ENDED, state="completed")
    runs = read_runs(ledger)
    assert [run.id for run in runs] == ["run-2", "run-1", "run-0"]
    assert [run.state for run in runs] == ["running", "running", "completed"]
    assert [run.stages["embed"].state for run in runs] == ["waiting", "running", "waiting"]


def test_states_leave_out_only_what_was_overtaken(ledger: Ledger, tell: Callable[..., None]) -> None:
    for run in ("run-0", "run-1"):
        tell(
            run,
            0,
            Kind.RUN_STARTED,
            pid=os.getpid(),
            born=process_birth(os.getpid()),
            host={"name": socket.gethostname()},
        )
        for stage in ("ingest", "embed"):
            tell(run, 1, Kind.STAGE_STARTED, stage, **STARTED)
            for done in range(5):
                tell(run, 2 + done, Kind.PROGRESS, stage, done=done, total=9, what="images")
                tell(run, 2 + done, Kind.HEARTBEAT, stage, pid=1)

    def by_run(told: list[Event]) -> dict[str, RunStatus]:
        return {run: fold([event for event in told if event.run == run]) for run in ("run-0", "run-1")}

    assert by_run(ledger.states()) == by_run(ledger.events())
    assert len(ledger.states()) == 2 * (1 + 2 * 3)
    assert len(ledger.events()) == 2 * (1 + 2 * 11)
    assert ledger.last_seq() == ledger.events()[-1].seq
