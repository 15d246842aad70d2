"""A flow on a Dask cluster; prints which workers did units with and without a network."""

from distributed import get_worker
from prefect import flow, task

from flows.runners import running_on
from tasks.units import resources


@task
def where(_: int) -> str:
    """The name of the worker."""
    return str(get_worker().name)


@flow
def ask() -> None:
    """Six units of each sort."""
    with running_on("dask"):
        for gpu in (True, False):
            with resources(gpu):
                futures = [where.submit(n) for n in range(6)]
            print(",".join(future.result() for future in futures), flush=True)


ask()
