"""What is cancelled ends within seconds, also where a thread still works on a unit, which nothing can interrupt."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.states import Cancelled

from flows.reconcile import end_flow_run
from flows.server import stop_server
from logoflow.run import ending

GRACE_S = 7.0
"""Seconds in which a cancelled run ends by itself: a snapshot is written, units that began are finished."""


@contextmanager
def ends_soon(flow_run: UUID, again: str) -> Iterator[None]:
    """End this process if what runs within is cancelled and has not ended `GRACE_S` later.

    The store is made for that: what a killed builder leaves is never read, and the next builder removes it.

    Args:
        flow_run: what Prefect calls the run.
        again: the command that goes on from there, if the process has nothing else to do; others end when they like.
    """
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if again:
            last = threading.Timer(GRACE_S, end_now, [flow_run, error, again])
            last.daemon = True  # a process that ends in time takes it with it
            last.start()
        raise


def was_asked_to_end(flow_run: UUID) -> bool:
    """Whether somebody cancelled the run in Prefect, which then ends its process.

    Prefect tells the process so itself, but only while its own handler of signals is there; a training has another.
    """
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(flow_run).state
    return state is not None and (state.is_cancelling() or state.is_cancelled())


def end_now(flow_run: UUID, error: BaseException, again: str) -> None:
    """Tell everybody that the run and its tasks are cancelled, and end."""
    print(f"The run was {ending(error, again)}. What is done is kept.", flush=True)
    try:
        with get_client(sync_client=True) as client:
            end_flow_run(client, flow_run, Cancelled(message="It was cancelled while a unit was at work."))
        stop_server()
    finally:
        os._exit(128 + (signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM))
