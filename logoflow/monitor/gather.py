"""Putting a status together: runs from the ledger, what holds now from the store and the plan, Prefect's if it answers.

Nothing is written but the memory of digests, and no store is made where there is none.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from logoflow.config.load import check_config
from logoflow.errors import UserError
from logoflow.monitor.estimate import RECENT, seconds_left
from logoflow.monitor.model import (
    Orphan,
    PastRun,
    Pipeline,
    Progress,
    Quality,
    Run,
    RunState,
    Stage,
    StageState,
    Status,
    StoreStatus,
)  # fmt: skip
from logoflow.monitor.services import ask_server
from logoflow.plan import Action, Step, make_plan
from logoflow.resolve import Place, Workspace, absolute, whole_artifacts
from logoflow.stages import STAGES
from logoflow.status import RunStatus, StageStatus, read_runs
from logoflow.store import check
from logoflow.store.files import size_of
from logoflow.store.ledger import Kind
from logoflow.store.store import Artifact

ACTIVE = ("queued", "running")
"""States of a run that has not ended."""
KEEP_S = 1.0
"""A status is kept for so long: however many ask, the ledger is read once a second."""
KEEP_SLOW_S = 30.0
"""A plan, the store's size and the newest report are: they look at sources and at every file."""


class Observer:
    """Looks at a store again and again, from any thread; remembers for a while what is slow to find out."""

    def __init__(self, root: Place) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._status: tuple[float, Status] | None = None
        self._store: tuple[float, StoreStatus] | None = None
        self._plans: dict[str, tuple[float, Mapping[str, Step] | str]] = {}
        self._report: tuple[float, Artifact | None] | None = None

    def status(self) -> Status:
        """The state of everything, at most `KEEP_S` old."""
        with self._lock:
            if self._status is None or time.monotonic() - self._status[0] > KEEP_S:
                self._status = (time.monotonic(), self._look())
            return self._status[1]

    def runs(self, limit: int) -> list[PastRun]:
        """The last runs, newest first."""
        space = Workspace.find(self._root)
        return [past_run(run) for run in read_runs(space.ledger)[:limit]] if space else []

    def report(self) -> Artifact | None:
        """The newest report in the store."""
        with self._lock:
            if self._report is None or time.monotonic() - self._report[0] > KEEP_SLOW_S:
                space = Workspace.find(self._root)
                newest = next(whole_artifacts("report", space.store), None) if space else None
                self._report = (time.monotonic(), newest)
            return self._report[1]

    def _look(self) -> Status:
        now = datetime.now(UTC)
        space = Workspace.find(self._root)
        histories: dict[str, list[RunStatus]] = {}
        for run in read_runs(space.ledger) if space else ():
            histories.setdefault(run.pipeline, []).append(run)
        pipelines = [] if space is None else [self._pipeline(past, space, now) for past in histories.values()]
        return Status(
            generated=now, store=self._store_status(space), server=ask_server(self._root), pipelines=pipelines
        )

    def _pipeline(self, past: Sequence[RunStatus], space: Workspace, now: datetime) -> Pipeline:
        """One pipeline from its runs, newest first; what waits behind another run comes after it."""
        past = sorted(past, key=lambda run: run.state == "queued")
        last = past[0]
        plan = {} if last.state in ACTIVE else self._plan(last, space)
        steps = {} if isinstance(plan, str) else plan
        stages = [look_at_stage(name, past, steps.get(name), space, now) for name in STAGES]
        completed = [run.ended for run in past if run.state == "completed"]
        return Pipeline(
            name=last.pipeline,
            run_counts={RunState(state): count for state, count in sorted(Counter(run.state for run in past).items())},
            last_completed=max((end for end in completed if end), default=None),
            last_run=look_at_run(last, stages, now),
            plan_error=plan if isinstance(plan, str) else None,
            quality=judge({stage.name: stage.metrics for stage in stages}),
            stages=stages,
        )

    def _plan(self, run: RunStatus, space: Workspace) -> Mapping[str, Step] | str:
        """What another run of the same configuration would do, or why that cannot be told."""
        known = self._plans.get(run.id)
        if known is None or time.monotonic() - known[0] > KEEP_SLOW_S:
            known = self._plans[run.id] = (time.monotonic(), plan_again(run, space))
        return known[1]

    def _store_status(self, space: Workspace | None) -> StoreStatus:
        if self._store is None or time.monotonic() - self._store[0] > KEEP_SLOW_S:
            self._store = (time.monotonic(), look_at_store(self._root, space))
        return self._store[1]


def plan_again(run: RunStatus, space: Workspace) -> Mapping[str, Step] | str:
    """The plan of a run's own configuration, or why there is none."""
    started = next(event for event in space.ledger.events(run.id) if event.kind is Kind.RUN_STARTED)
    try:
        return {step.stage.name: step for step in make_plan(check_config(started.data["config"]), space)}
    except (UserError, OSError) as error:
        return str(error)


def look_at_stage(name: str, past: Sequence[RunStatus], step: Step | None, space: Workspace, now: datetime) -> Stage:
    """One stage of a pipeline from its runs, newest first, and from what a run would do with it."""
    current = past[0].stages[name]
    answers = [run.stages[name] for run in past if run.stages[name].state in ("built", "cached")]
    took = next((stage.duration_s for stage in answers if stage.duration_s is not None), None)
    known = current if current.fingerprint or not answers else answers[0]
    before = next((stage.metrics for stage in answers if stage.fingerprint != known.fingerprint), {})
    running = current.state == "running" and current.started is not None
    elapsed = (now - current.started) / timedelta(seconds=1) if current.started else 0.0
    state, reason = settle(current, past[0].state, step, answers, space)
    return Stage(
        name=name,
        state=state,
        reason=reason,
        fingerprint=known.fingerprint,
        started=current.started,
        duration_s=elapsed if running else took,
        progress=Progress(**current.progress) if running and current.progress else None,
        time_left_s=seconds_left(
            space.ledger.recent(past[0].id, name, Kind.PROGRESS, RECENT), now, elapsed, took
        ) if running else None,
        heartbeat_age_s=age(current.heartbeat, now) if running else None,
        metrics=known.metrics,
        metrics_before=before,
    )  # fmt: skip


def settle(
    current: StageStatus, run_state: str, step: Step | None, answers: Sequence[StageStatus], space: Workspace
) -> tuple[StageState, str]:
    """A stage's state and the reason: of the last run while it goes on or where it broke, else what holds now."""
    if run_state in ACTIVE or current.state in ("running", "failed", "cancelled", "crashed"):
        return StageState(current.state), current.reason
    if step is not None and step.action is Action.UP_TO_DATE:
        seen = current.state in ("built", "cached")
        return (StageState(current.state), current.reason) if seen else (StageState.UP_TO_DATE, step.reason)
    there = bool(answers) and space.store.find(current.name, answers[0].fingerprint) is not None
    if step is not None:
        return (StageState.STALE if there else StageState.MISSING), step.reason
    if not there:
        return StageState.MISSING, "its artifact is gone" if answers else "never ran"
    return (StageState.UNKNOWN, "") if current.state == "waiting" else (StageState(current.state), current.reason)


def look_at_run(run: RunStatus, stages: Sequence[Stage], now: datetime) -> Run:
    """The last run, given the state of its stages."""
    left = None
    if run.state == "running":
        parts = [s.time_left_s if s.state is StageState.RUNNING else s.duration_s for s in unfinished(stages)]
        left = None if None in parts else sum(part for part in parts if part is not None)
    signs = [run.started, *(sign for s in run.stages.values() for sign in (s.started, s.heartbeat) if sign)]
    return Run(
        id=run.id,
        state=RunState(run.state),
        started=run.started,
        ended=run.ended,
        duration_s=((run.ended or now) - run.started) / timedelta(seconds=1),
        time_left_s=left,
        heartbeat_age_s=age(max(signs), now) if run.state == "running" else None,
        accepted=run.accepted,
        message=run.message,
    )


def unfinished(stages: Sequence[Stage]) -> list[Stage]:
    """The stages that a run is at or has before it."""
    return [stage for stage in stages if stage.state in (StageState.RUNNING, StageState.WAITING)]


def past_run(run: RunStatus) -> PastRun:
    """A run as a line of the history."""
    return PastRun(
        id=run.id,
        pipeline=run.pipeline,
        state=RunState(run.state),
        started=run.started,
        ended=run.ended,
        duration_s=(run.ended - run.started) / timedelta(seconds=1) if run.ended else None,
        built=[stage.name for stage in run.stages.values() if stage.state == "built"],
        accepted=run.accepted,
        message=run.message,
    )


def judge(metrics: Mapping[str, Mapping[str, object]]) -> Quality:
    """What gates look at, from the metrics of each stage."""
    return Quality(
        quarantined_share=share(metrics["ingest"], "quarantined", "offered"),
        text_share=share(metrics["detect_text"], "with_text", "images"),
        duplicate_share=share({**metrics["embed"], **metrics["deduplicate"]}, "duplicates", "images"),
        distances={
            name: float(value)
            for name, value in metrics["evaluate"].items()
            if name.startswith(("frechet_", "kernel_")) and isinstance(value, int | float)
        },
    )


def share(metrics: Mapping[str, object], part: str, whole: str) -> float | None:
    """One count as a share of another; None where one of them is unknown, or the whole is nothing."""
    some, all_of_it = metrics.get(part), metrics.get(whole)
    if not isinstance(some, int | float) or not isinstance(all_of_it, int | float) or not all_of_it:
        return None
    return some / all_of_it


def look_at_store(root: Place, space: Workspace | None) -> StoreStatus:
    """Size, artifacts and orphans of the store at a place."""
    if space is None:
        return StoreStatus(path=str(absolute(root)), exists=False, bytes=0, artifacts=0, orphans=[])
    store = space.store
    return StoreStatus(
        path=store.place,
        exists=True,
        bytes=store.size(),
        artifacts=sum(1 for _ in store.artifacts()),
        orphans=[Orphan(path=str(path.relative_to(store.root)), bytes=size_of(path)) for path in check.unheld(store)],
    )


def age(sign: datetime | None, now: datetime) -> float | None:
    """Seconds since a sign of life."""
    return None if sign is None else max(0.0, (now - sign) / timedelta(seconds=1))
