"""What every flow begins and ends with: its configuration read and checked, its run in the ledger, its last state."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from prefect.client.schemas import State
from prefect.exceptions import TerminationSignal
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled, Failed
from pydantic import Field

from flows.cancel import ends_soon, was_asked_to_end
from flows.reconcile import reconcile
from flows.runners import RunnerName, running_on
from logoflow.config.load import load_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.gates import GateBroken
from logoflow.plan import make_plan
from logoflow.resolve import Place, absolute
from logoflow.run import Run, default_store, ending

ConfigOrPath: TypeAlias = PipelineConfig | Annotated[str, Field(pattern=r"\.ya?ml$")]

Ended: TypeAlias = State[Any] | None
"""How a flow ended, where that is not well."""


def perform(
    work: Callable[[Run], object],
    config: ConfigOrPath,
    store: Place | None,
    runner: RunnerName = "local",
    force: str | None = None,
) -> Ended:
    """Do a flow's work in a run that is recorded from start to end; runs that died before are ended first.

    Returns:
        None, or a state whose message says what went wrong and which command goes on from there.
    """
    me, again = UUID(flow_run.get_id()), way_on()
    try:
        checked = read_config(config)
        run = Run(checked, absolute(store or default_store()), force=force)
        make_plan(checked, run.workspace())  # refuses what no run could satisfy, whoever started the flow
        reconcile(run.ledger)
        with ends_soon(me, again), run.recorded(str(me), again), running_on(runner):
            work(run)
    except GateBroken as error:
        return Failed(name="GateBroken", message=ending(error, again), data=error)
    except (KeyboardInterrupt, TerminationSignal) as error:
        if isinstance(error, TerminationSignal) and not was_asked_to_end(me):
            raise  # a machine that goes down, say: Prefect tells it as a crash
        return Cancelled(message=ending(error, again))
    except Exception as error:
        return Failed(message=ending(error, again), data=error)
    return None


def read_config(config: ConfigOrPath) -> PipelineConfig:
    """The configuration that a flow was given.

    Raises:
        UserError: there is no such file, or it is impossible.
    """
    return load_config(Path(config)) if isinstance(config, str) else config


def way_on() -> str:
    """The command that runs the same again: what is done is kept, so that it goes on where this run ends."""
    if deployment.get_id():
        return f"prefect flow-run retry {flow_run.get_id()}"
    if Path(sys.argv[0]).name == "logoflow":
        return shlex.join(["logoflow", *sys.argv[1:]])
    return ""
