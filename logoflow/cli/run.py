"""`logoflow run`: answer at once when there is nothing to do, else run the flow and show what happens."""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from logoflow.cli.follow import Follower
from logoflow.cli.output import DEMO, ConfigArgument, SetOption, StoreOption, console, debugging
from logoflow.config.load import load_config
from logoflow.errors import UserError
from logoflow.plan import make_plan
from logoflow.resolve import Workspace, absolute
from logoflow.run import Run, default_store, sentence
from logoflow.stages import STAGES
from logoflow.store.store import Artifact

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
    for name in (start, only, force):
        if name is not None and name not in STAGES:
            raise UserError(f"there is no stage {name}: the stages are {', '.join(STAGES)}.")
    checked = load_config(config, settings)
    place = absolute(store or default_store())
    space = Workspace.open(place)
    steps = make_plan(checked, space)
    if force is None and all(step.artifact for step in steps):
        console.print(f"Nothing to do: all {len(steps)} stages are up to date.")
        name_report(steps[-1].artifact)
        return

    if resting := [name for name in (only, start) if name is not None]:
        Run(checked, place).upstream_of(*resting)  # refuses stale ones before a server is started

    for name, value in PREFECT_DEFAULTS.items():
        os.environ.setdefault(name, value)
    from flows.pipeline import pipeline  # loads Prefect and torch, which an up-to-date run does not need

    with Follower(space.ledger, checked.name):
        try:
            pipeline(checked, place, only=only, start=start, force=force, runner=runner)
        except UserError:
            raise
        except Exception as error:
            if debugging():
                raise
            again = " ".join(["logoflow", *map(shlex.quote, sys.argv[1:])])
            failed = f"{type(error).__name__}: {sentence(error)}"
            console.print(
                f"The run failed ({failed}). What is done is kept; to go on: {again}", style="red", markup=False
            )
            raise typer.Exit(1) from error
    name_report(newest_report(space, checked.name))


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
