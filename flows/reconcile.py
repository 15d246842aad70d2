"""Runs that ended without Prefect hearing of it are ended there, too: it would take them to be Running for good."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import State
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Completed, Crashed

from logoflow.status import RunStatus, dead_runs, is_dead, read_runs
from logoflow.store.ledger import Event, Kind, Ledger

RECENT = 50
"""So many last runs are compared with what Prefect knows of them."""
ALIVE = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


def reconcile(ledger: Ledger) -> list[RunStatus]:
    """End every run of this machine that is dead, and the flow run and task runs that Prefect knows of it.

    Prefect itself notices a dead flow run only with an automation, and a dead task run never. A run that ended while
    its server was down told the ledger alone.

    Returns:
        The runs that were ended in the ledger.
    """
    dead = dead_runs(ledger)
    ended = [run for run in read_runs(ledger)[:RECENT] if run.told]
    if dead or ended:
        with get_client(sync_client=True) as client:
            for run in [*dead, *unheard(client, ended, ledger)]:
                if run.flow_run is not None:
                    end_flow_run(client, UUID(run.flow_run), last_state(run))
        for run in dead:
            told = {"state": run.state, "message": run.message}
            ledger.append(Event(run.id, run.pipeline, Kind.RUN_ENDED, data=told, at=run.ended or run.started))
    return dead


def unheard(client: SyncPrefectClient, ended: Sequence[RunStatus], ledger: Ledger) -> Iterator[RunStatus]:
    """The runs that ended, and whose process is gone, but which Prefect takes to be alive."""
    ids = FlowRunFilterId(any_=[UUID(run.flow_run) for run in ended if run.flow_run])
    alive = FlowRunFilterState(type=FlowRunFilterStateType(any_=ALIVE))
    working = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=ALIVE)))
    flow_runs = {str(run.id) for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(id=ids, state=alive))}
    task_runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=ids), task_run_filter=working)
    flow_runs |= {str(run.flow_run_id) for run in task_runs}
    for run in ended:
        if run.flow_run in flow_runs and is_dead(ledger.events(run.id)[0]):
            yield run


def last_state(run: RunStatus) -> State[Any]:
    """How a run ended, as Prefect says it."""
    if run.state == "completed":
        return Completed()
    return Cancelled(message=run.message) if run.state == "cancelled" else Crashed(message=run.message)


def end_flow_run(client: SyncPrefectClient, flow_run: UUID, state: State[Any]) -> None:
    """Set a flow run and those of its task runs that have not ended to a state; another server's are left alone."""
    try:
        known = client.read_flow_run(flow_run)
    except ObjectNotFound:
        return
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run]))
    for task_run in client.read_task_runs(flow_run_filter=mine):
        if task_run.state is not None and not task_run.state.is_final():
            client.set_task_run_state(task_run.id, state, force=True)
    if known.state is not None and not known.state.is_final():
        client.set_flow_run_state(flow_run, state, force=True)
