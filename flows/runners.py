"""On what the units of a run are worked: threads of this process, or the processes of a Dask or Ray cluster."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, TypeAlias, cast

from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from logoflow.errors import UserError

RunnerName: TypeAlias = Annotated[
    Literal["local", "dask", "ray"],
    Field(description="Where units are worked on: threads of this process, or a Dask or Ray cluster."),
]
Runner: TypeAlias = TaskRunner[PrefectFuture[Any]]

DASK_VARIABLE, RAY_VARIABLE = "DASK_SCHEDULER_ADDRESS", "RAY_ADDRESS"
CORES = len(os.sched_getaffinity(0))
THREADS = cast(Runner, ThreadPoolTaskRunner(max_workers=CORES))
"""Units are worked on by this many threads; what they call releases the interpreter's lock."""


def make_runner(name: RunnerName) -> Runner:
    """A runner by its name.

    DASK_SCHEDULER_ADDRESS or RAY_ADDRESS names a cluster that is there; without it one is started on this machine, with
    a process for each core.

    Raises:
        UserError: the extra that it needs is not installed.
    """
    try:
        if name == "dask":
            from prefect_dask.task_runners import DaskTaskRunner

            address = os.environ.get(DASK_VARIABLE)
            here: dict[str, Any] = {"n_workers": CORES, "threads_per_worker": 1, "dashboard_address": None}
            return cast(Runner, DaskTaskRunner(address=address, cluster_kwargs=None if address else here))
        if name == "ray":
            from prefect_ray.task_runners import RayTaskRunner

            address = os.environ.get(RAY_VARIABLE)
            here = {"num_cpus": CORES, "include_dashboard": False}
            return cast(Runner, RayTaskRunner(address, None if address else here))
    except ImportError as error:
        wanted = f"pip install -c constraints.txt -e '.[cpu,{name}]'"
        raise UserError(f"the runner {name} needs the extra {name}: {wanted}.") from error
    return THREADS


@contextmanager
def running_on(name: RunnerName) -> Iterator[None]:
    """Within it, the tasks of the flow that calls this are submitted to that runner in place of the flow's own.

    Prefect chooses a flow's runner before it looks at the parameters of a run; here a parameter chooses it.
    """
    if name == "local":
        yield
        return
    context = FlowRunContext.get()
    assert context is not None, "no flow is running"
    with make_runner(name) as runner, context.model_copy(update={"task_runner": runner}):
        yield
