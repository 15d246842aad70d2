"""`logoflow repair`: build again what is damaged in the store."""

from pathlib import Path
from typing import Annotated

import typer

from logoflow.cli.output import JsonOption, StoreOption, console, open_workspace, print_rows
from logoflow.cli.run import run_pipeline
from logoflow.config.load import check_config, load_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.repair import Broken, find_broken, outcome, set_aside
from logoflow.resolve import Workspace
from logoflow.store.ledger import Kind


def repair(
    config: Annotated[
        Path | None, typer.Argument(help="YAML file to run; left out: what the runs had that used what is damaged.")
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Set aside and run; without this, only say what is damaged.")
    ] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hash every file again; set aside what is damaged, run what made it, and compare. Exit with 1 unless all is well.

    What stays undamaged is used as it is, so that only what was lost is built.
    """
    space = open_workspace(store)
    given = load_config(config) if config else None
    broken = find_broken(space)
    if not broken:
        print_rows((), [], True) if as_json else console.print("Every file is as it was written.")
        return
    if not rebuild:
        rows = [{"artifact": b.short, "problem": b.problem, "rebuilt by": builder(b, config)} for b in broken]
        print_rows(("artifact", "problem", "rebuilt by"), rows, as_json)
        if not as_json:
            console.print(f"{len(broken)} damaged; `--rebuild` sets them aside and builds them again.")
        raise typer.Exit(1)
    for one in broken:
        set_aside(one, space.store)
    for pipeline in [given] if given else configurations(broken, space):
        run_pipeline(pipeline, space)
    outcomes = [(one, *outcome(one, space)) for one in broken]
    rows = [{"artifact": one.short, "outcome": words} for one, _, words in outcomes]
    print_rows(("artifact", "outcome"), rows, as_json)
    if not all(well for _, well, _ in outcomes):
        raise typer.Exit(1)


def builder(broken: Broken, config: Path | None) -> str:
    """What is run to make it again, in words."""
    if config is not None:
        return str(config)
    return f"{broken.run.pipeline}, as in run {broken.run.id}" if broken.run else "nothing: no run used it"


def configurations(broken: list[Broken], space: Workspace) -> list[PipelineConfig]:
    """What the runs had that used what is damaged, each once."""
    runs = {one.run.id for one in broken if one.run is not None}
    started = (next(e for e in space.ledger.events(run) if e.kind is Kind.RUN_STARTED) for run in sorted(runs))
    found: list[PipelineConfig] = []
    for event in started:
        config = check_config(event.data["config"])
        if config not in found:
            found.append(config)
    return found
