"""The state of runs, read from the ledger alone: it works with every server down."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from logoflow.errors import UserError
from logoflow.machine import process_birth
from logoflow.stages import STAGES
from logoflow.store.ledger import Event, Kind, Ledger


@dataclass
class StageStatus:
    """One stage in one run."""

    name: str
    state: str = "waiting"
    """waiting, running, built, cached, failed, cancelled or crashed."""
    reason: str = ""
    fingerprint: str = ""
    started: datetime | None = None
    duration_s: float | None = None
    progress: dict[str, Any] | None = None
    heartbeat: datetime | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    units: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class RunStatus:
    """One run of a pipeline."""

    id: str
    pipeline: str
    state: str
    """queued (behind another run in the store), running, completed, failed, cancelled or crashed."""
    started: datetime
    ended: datetime | None = None
    message: str = ""
    told: bool = False
    """Whether the ledger says how it ended."""
    flow_run: str | None = None
    """What Prefect calls it."""
    accepted: bool = False
    """Whether people accepted its generator, some time."""
    stages: dict[str, StageStatus] = field(default_factory=dict)


def read_runs(ledger: Ledger) -> list[RunStatus]:
    """Every run that the ledger knows, newest first."""
    by_run: dict[str, list[Event]] = {}
    for event in ledger.states():
        by_run.setdefault(event.run, []).append(event)
    return [fold(events) for events in reversed(by_run.values())]  # by the ledger's order: clocks may go back


def find_run(ledger: Ledger, beginning: str, or_file: bool = False) -> RunStatus:
    """The run whose id begins so.

    Args:
        ledger: where to look.
        beginning: of an id.
        or_file: the user could as well have named a file, and the error says that there is none.

    Raises:
        UserError: there is none, or several.
    """
    meant = [known for known in read_runs(ledger) if known.id.startswith(beginning)]
    if len(meant) != 1:
        what = f"{beginning} is no file, and " if or_file else ""
        raise UserError(
            f"{what}{len(meant) or 'no'} runs have an id that begins with {beginning}: see `logoflow runs`."
        )
    return meant[0]


def fold(events: Iterable[Event]) -> RunStatus:
    """The state that a run's events lead to."""
    events = list(events)
    first = events[0]
    run = RunStatus(first.run, first.pipeline, "running", first.at, flow_run=first.data.get("flow_run"))
    run.stages = {name: StageStatus(name) for name in STAGES}
    for event in events:
        if event.kind is Kind.RUN_STARTED:
            run.state, run.started = "queued" if event.data.get("queued") else "running", event.at
        elif event.stage in run.stages:
            apply(run.stages[event.stage], event)
        elif event.kind is Kind.RUN_ENDED:
            run.state, run.ended, run.told = event.data["state"], event.at, True
            run.message = event.data.get("message", "")
        elif event.kind is Kind.ACCEPTED:
            run.accepted = True
    if run.state in ("queued", "running") and is_dead(first):
        run.state, run.ended, run.message = "crashed", events[-1].at, last_seen(run)
    if run.state in ("failed", "cancelled", "crashed"):
        for stage in run.stages.values():  # a stage's own end is not told where its process or the disk's room was gone
            stage.state = run.state if stage.state == "running" else stage.state
    return run


def last_seen(run: RunStatus) -> str:
    """What is known of the end of a process that did not tell of it."""
    where = ""
    for stage in run.stages.values():
        if stage.state == "running":
            done = stage.progress
            far = f", at {done['done']:g} of {done['total']:g} {done['what']}" if done else ""
            where = f" during {stage.name}{far}"
    return f"its process ended without a word{where}; run again to go on from there"


def dead_runs(ledger: Ledger) -> list[RunStatus]:
    """Runs of this machine whose process is gone, and of whose end the ledger knows nothing."""
    return [run for run in read_runs(ledger) if run.state == "crashed" and not run.told]


def apply(stage: StageStatus, event: Event) -> None:
    """Let one event change a stage's state, in place."""
    data = event.data
    match event.kind:
        case Kind.STAGE_STARTED:
            stage.state, stage.started, stage.heartbeat = "running", event.at, event.at
            stage.reason, stage.fingerprint = data["reason"], data["fingerprint"]
        case Kind.STAGE_CACHED:
            stage.state, stage.reason, stage.fingerprint = "cached", data["reason"], data["fingerprint"]
            stage.metrics = data["metrics"]
        case Kind.STAGE_BUILT:
            stage.state, stage.reason, stage.progress = "built", data["reason"], None
            stage.duration_s, stage.metrics = data["duration_s"], data["metrics"]
        case Kind.STAGE_FAILED:
            stage.state, stage.reason = "cancelled" if data.get("cancelled") else "failed", data["message"]
        case Kind.GATE_BROKEN:
            stage.state, stage.reason = "failed", "; ".join(data["reasons"])
        case Kind.PROGRESS:
            stage.progress = data
        case Kind.HEARTBEAT:
            stage.heartbeat = event.at
        case Kind.UNITS:
            stage.units.append(data)


def is_dead(started: Event) -> bool:
    """Whether the process that started a run on this machine is gone; of other machines nothing is known."""
    if started.data.get("host", {}).get("name") != socket.gethostname():
        return False
    return process_birth(started.data["pid"]) != started.data.get("born")
