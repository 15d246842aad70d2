"""Runs whose process died without a word are ended: in the ledger, and in Prefect, where they would stay Running."""

from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import State
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.exceptions import ObjectNotFound
from prefect.states import Crashed

from logoflow.status import RunStatus, dead_runs
from logoflow.store.ledger import Event, Kind, Ledger


def reconcile(ledger: Ledger) -> list[RunStatus]:
    """End every run of this machine that is dead, and the flow run and task runs that Prefect knows of it.

    Prefect itself notices a dead flow run only with an automation, and a dead task run never.

    Returns:
        The runs that were ended.
    """
    dead = dead_runs(ledger)
    if dead:
        with get_client(sync_client=True) as client:
            for run in dead:
                if run.flow_run is not None:
                    end_flow_run(client, UUID(run.flow_run), Crashed(message=run.message))
                told = {"state": run.state, "message": run.message}
                ledger.append(Event(run.id, run.pipeline, Kind.RUN_ENDED, data=told, at=run.ended or run.started))
    return dead


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
