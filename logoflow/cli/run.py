"""`logoflow run`: answer at once when there is nothing to do, else run the flow and show what happens."""

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from logoflow.cli.follow import Follower
from logoflow.cli.output import (
    DEMO,
    ConfigArgument,
    SetOption,
    StoreOption,
    complaints,
    console,
    debugging,
)
from logoflow.config.load import load_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError
from logoflow.plan import make_plan
from logoflow.redact import redacted
from logoflow.resolve import Workspace, absolute
from logoflow.run import Run, default_store
from logoflow.stages import chosen_stages
from logoflow.status import dead_runs
from logoflow.store.store import Artifact
from logoflow.up.place import use_server

if TYPE_CHECKING:
    from prefect.client.schemas import State

PREFECT_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # the first boot migrates a database: 20 s and more
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # what fails is told in one sentence; `--debug` shows the rest
}


def run(
    config: ConfigArgument = DEMO,
    settings: SetOption = [],  # noqa: B006  (typer copies it)
    start: Annotated[
        str | None, typer.Option("--from", help="Run from this stage on; those before must be up to date.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Run up to this stage, and nothing that it does not rest on.")
    ] = None,
    only: Annotated[str | None, typer.Option(help="Run this stage alone; those before must be up to date.")] = None,
    force: Annotated[
        str | None, typer.Option(help="Build this stage again and compare, although it is up to date.")
    ] = None,
    store: StoreOption = None,
    runner: Annotated[
        Literal["local", "dask", "ray"],
        typer.Option(help="Where units are worked on: threads of this process, or a Dask or Ray cluster."),
    ] = "local",
) -> None:
    """Run what is not up to date, from raw logos to the report."""
    chosen = chosen_stages(only, start, end, force)
    checked = load_config(config, settings)
    place = absolute(store or default_store())
    space = Workspace.open(place)
    steps = make_plan(checked, space)
    if force is None and all(step.artifact for step in steps if step.stage.name in chosen):
        told = f"all {len(chosen)} stages are" if len(chosen) > 1 else f"{chosen[0]} is"
        console.print(f"Nothing to do: {told} up to date.")
        end_dead_runs(space)
        name_report(steps[-1].artifact)
        return

    if resting := [name for name in (only, start) if name is not None]:
        Run(checked, place).upstream_of(*resting)  # refuses stale ones before a server is started

    run_pipeline(checked, space, only=only, start=start, end=end, force=force, runner=runner)
    if "report" in chosen:
        name_report(newest_report(space, checked.name))


def run_pipeline(config: PipelineConfig, space: Workspace, **choices: str | None) -> None:
    """Run the flow and show what happens; where it fails, say in a sentence how to go on, and exit with 1.

    Args:
        config: what to run.
        space: where.
        choices: only, start, end, force, runner, as the flow takes them.
    """
    settle_prefect(space)
    from flows.pipeline import pipeline  # loads Prefect and torch, which an up-to-date run does not need
    from flows.server import start_server

    start_server()

    with Follower(space.ledger):
        state = pipeline(config, space.store.place, **choices, return_state=True)
    if not state.is_completed():
        raise typer.Exit(break_off(state))


def settle_prefect(space: Workspace) -> None:
    """Settle Prefect's settings where nobody has, before it is loaded; the server of the store's `up` is used.

    Raises:
        UserError: that asks for a password.
    """
    for name, value in PREFECT_DEFAULTS.items():
        os.environ.setdefault(name, value)
    use_server(space.store.root)


def end_dead_runs(space: Workspace) -> None:
    """End runs that were killed when all was built but the end was not told; there are hardly ever any."""
    if dead_runs(space.ledger):
        settle_prefect(space)
        from flows.reconcile import reconcile

        reconcile(space.ledger)


def break_off(state: "State[Any]") -> int:
    """Say why a run ended early, and how it goes on; the exit code."""
    if state.is_cancelled():
        console.print(f"The run was {state.message}. What is done is kept.", style="yellow", markup=False)
        return 130
    error = state.result(raise_on_failure=False)
    if debugging():
        sys.stderr.write(redacted("".join(traceback.format_exception(error))))
    complaints.print(f"The run stopped: {state.message}. What is done is kept.", style="red", markup=False)
    return 2 if isinstance(error, UserError) else 1


def newest_report(space: Workspace, pipeline: str) -> Artifact | None:
    """The report that the pipeline's last run built or found."""
    event = space.ledger.last_answer(pipeline, "report")
    return space.store.find("report", event.data["fingerprint"]) if event else None


def name_report(artifact: Artifact | None) -> None:
    """Say where the report is."""
    if artifact is not None:
        console.print(f"Report: {relative(artifact.attachments() / 'index.html')}", markup=False)


def relative(path: Path) -> Path:
    """A path as short as it can be named from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
