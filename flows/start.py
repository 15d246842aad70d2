"""What every flow begins with: its configuration read and checked, its run in the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

from prefect.client.schemas import State
from prefect.runtime import flow_run
from pydantic import Field

from flows.reconcile import reconcile
from flows.runners import RunnerName, running_on
from logoflow.config.load import load_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.plan import make_plan
from logoflow.resolve import Place, absolute
from logoflow.run import Run, default_store
from logoflow.store.store import Artifact

ConfigOrPath: TypeAlias = Annotated[
    PipelineConfig | str, Field(description="The experiment: path of its YAML file, or its values.")
]

Made: TypeAlias = State[Artifact] | Artifact
"""What a stage task returns, and what it takes: Prefect hands a state's artifact on."""


@contextmanager
def running(
    config: ConfigOrPath, store: Place | None, force: str | None = None, runner: RunnerName = "local"
) -> Iterator[Run]:
    """A run of a configuration in a store, recorded from start to end; runs that died before are ended first."""
    checked = load_config(Path(config)) if isinstance(config, str) else config
    run = Run(checked, absolute(store or default_store()), force=force)
    make_plan(checked, run.workspace())  # refuses what no run could satisfy, whoever started the flow
    reconcile(run.ledger)
    with run.recorded(flow_run.get_id()), running_on(runner):
        yield run
