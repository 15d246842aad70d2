"""Processes that carry a mark in their environment, found and ended wherever they have got to.

What `up` starts starts others, in sessions of their own (Prefect's worker does so with flows) and with parents that may
die before them. All of them inherit the environment; nothing else leads to every one.
"""

import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

STORE_MARK = "LOGOFLOW_UP"
SERVICE_MARK = "LOGOFLOW_UP_SERVICE"
FLOW_MARK = "PREFECT__FLOW_RUN_ID"  # Prefect's worker gives it to a flow's process
PATIENCE_S: Mapping[str, float] = {"setup": 0.25, "flows": 7.5, "worker": 0.5, "pages": 0.25, "server": 0.75}
"""The services in the order in which they end, and how long each has after TERM: all together less than ten seconds.

Flows are first, so that they can end a unit or leave a snapshot, and tell the server of it: the worker would kill them
when it ends itself.
"""
KILL_S = 1.0
ROUNDS = 3


def mark(store: Path, service: str) -> dict[str, str]:
    """The variables that mark a process, and all that it starts, as a service of a store's `up`."""
    return {STORE_MARK: str(store), SERVICE_MARK: service}


def marked(store: Path, service: str) -> list[int]:
    """The processes of this machine that belong to a service of a store's `up`, as far as this user may see.

    The worker's are the flows that it runs, too; "flows" are these alone.
    """
    flows = service == "flows"
    wanted = {f"{name}={value}" for name, value in mark(store, "worker" if flows else service).items()}
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is another user's
            given = os.fsdecode(path.read_bytes()).split("\0")
            if wanted <= set(given) and (not flows or any(one.startswith(f"{FLOW_MARK}=") for one in given)):
                found.append(int(path.parent.name))
    return found


def end_all(store: Path) -> int:
    """End every process of a store's `up` but itself, service by service.

    Returns:
        How many there were.
    """
    return sum(end_service(store, service, patience_s) for service, patience_s in PATIENCE_S.items())


def end_service(store: Path, service: str, patience_s: float) -> int:
    """End the processes of one service, also those that it starts meanwhile; how many there were."""
    ended = 0
    for _ in range(ROUNDS):
        found = marked(store, service)
        if not found:
            break
        end(found, patience_s)
        ended += len(found)
        patience_s = 0.0  # who came so late has begun nothing
    return ended


def end(processes: Sequence[int], patience_s: float) -> None:
    """Ask processes to end, and kill those that are still there after a while."""
    with ExitStack() as stack:
        alive = []
        for number in processes:
            with suppress(ProcessLookupError):
                alive.append(os.pidfd_open(number))  # means this process, however soon its number is given again
                stack.callback(os.close, alive[-1])
        for signum, wait_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, KILL_S)):
            for descriptor in alive:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(descriptor, signum)
            alive = still_there(alive, wait_s)


def still_there(descriptors: Sequence[int], wait_s: float) -> list[int]:
    """Those of some processes that have not ended after a while; returns early when all have."""
    waiting = set(descriptors)
    poll = select.poll()
    for descriptor in waiting:
        poll.register(descriptor, select.POLLIN)  # readable when the process has ended
    end = time.monotonic() + wait_s
    while waiting and (left := end - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(left * 1000):
            poll.unregister(descriptor)
            waiting.discard(descriptor)
    return [descriptor for descriptor in descriptors if descriptor in waiting]
