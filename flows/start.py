"""What every flow begins with: its configuration read and checked, its run in the ledger."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

from prefect.client.schemas import State
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from flows.reconcile import reconcile
from logoflow.config.load import load_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.plan import make_plan
from logoflow.run import Run, default_store
from logoflow.store.store import Artifact

ConfigOrPath: TypeAlias = Annotated[
    PipelineConfig | str, Field(description="The experiment: path of its YAML file, or its values.")
]

Made: TypeAlias = State[Artifact] | Artifact
"""What a stage task returns, and what it takes: Prefect hands a state's artifact on."""

RUNNER = cast(TaskRunner[PrefectFuture[Any]], ThreadPoolTaskRunner(max_workers=len(os.sched_getaffinity(0))))
"""Units are worked on by this many threads; what they call releases the interpreter's lock."""


@contextmanager
def running(config: ConfigOrPath, store: Path | None, force: str | None = None) -> Iterator[Run]:
    """A run of a configuration in a store, recorded from start to end; runs that died before are ended first."""
    checked = load_config(Path(config)) if isinstance(config, str) else config
    run = Run(checked, (store or default_store()).resolve(), force=force)
    make_plan(checked, run.workspace())  # refuses what no run could satisfy, whoever started the flow
    reconcile(run.ledger)
    with run.recorded(flow_run.get_id()):
        yield run
