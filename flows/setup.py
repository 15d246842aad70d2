"""What Prefect's server has to be told before it can work for us: `python -m flows.setup` with PREFECT_API_URL set.

`logoflow up` does so at each start. Every step may be taken again.
"""

import os
import subprocess
import sys

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from flows.automations import end_silent_runs
from flows.reconcile import reconcile
from logoflow.code import ROOT
from logoflow.resolve import Workspace
from logoflow.run import default_store
from logoflow.up.services import POOL, PREFECT


def make_work_pool() -> None:
    """Make the work pool of prefect.yaml, for processes of the worker's machine; one that is there stays as it is."""
    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template)
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(pool)
        except ObjectAlreadyExists:
            return


def make_deployments() -> None:
    """Deploy all of prefect.yaml, as it is now."""
    here = {**os.environ, "PWD": str(ROOT)}  # prefect.yaml lets flows run there
    subprocess.run([*PREFECT, "--no-prompt", "deploy", "--all"], cwd=ROOT, env=here, check=True)


def end_dead_runs() -> None:
    """End runs whose process is gone, in the ledger and in Prefect."""
    reconcile(Workspace.open(default_store()).ledger)


STEPS = (make_work_pool, make_deployments, end_silent_runs, end_dead_runs)


def main() -> None:
    """Take every step."""
    for step in STEPS:
        try:
            step()
        except subprocess.CalledProcessError as error:
            sys.exit(f"{step.__name__.replace('_', ' ')}: it ended with code {error.returncode}")


if __name__ == "__main__":
    main()
