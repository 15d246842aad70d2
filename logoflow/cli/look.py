"""Commands that only look: plan, runs, show."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from logoflow.cli.output import (
    DEMO,
    ConfigArgument,
    JsonOption,
    SetOption,
    StoreOption,
    bytes_in_words,
    console,
    open_workspace,
    print_rows,
    seconds_in_words,
)  # fmt: skip
from logoflow.config.load import load_config
from logoflow.errors import UserError
from logoflow.plan import make_plan
from logoflow.resolve import Workspace
from logoflow.run import default_store
from logoflow.stages import STAGES
from logoflow.status import RunStatus, read_runs
from logoflow.store.store import Artifact

TELLING = {
    "pictures": ("ingest", "distinct"),
    "with text": ("detect_text", "with_text"),
    "copies": ("deduplicate", "duplicates"),
    "trained on": ("curate", "images"),
    "kimg": ("train_gan", "kimg"),
    "Fréchet": ("evaluate", "frechet"),
    "kernel": ("evaluate", "kernel"),
    "coverage": ("evaluate", "coverage"),
    "as asked": ("evaluate", "in_asked_cluster"),
}
"""Figures by which runs are compared, by stage and metric; those of evaluate carry the name of their space."""


def plan(
    config: ConfigArgument = DEMO,
    settings: SetOption = [],  # noqa: B006  (typer copies it)
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 when anything would run.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say for every stage whether it is up to date, would run and why, or waits."""
    steps = make_plan(load_config(config, settings), Workspace.open(store or default_store()))
    rows = [
        {
            "stage": step.stage.name,
            "action": step.action.value,
            "reason": step.reason,
            "artifact": step.artifact.short if step.artifact else "",
        }
        for step in steps
    ]
    print_rows(("stage", "action", "reason", "artifact"), rows, as_json)
    if check and not all(step.artifact for step in steps):
        raise typer.Exit(3)


def runs(
    metrics: Annotated[bool, typer.Option("--metrics", help="Say what each run measured instead.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List all runs, newest first, or what they measured: with --json every figure of every stage."""
    found = read_runs(open_workspace(store).ledger)
    if metrics:
        show_metrics(found, as_json)
        return
    rows = [
        {
            "run": run.id,
            "pipeline": run.pipeline,
            "state": run.state,
            "started": run.started.isoformat(timespec="seconds"),
            "duration": seconds_in_words((run.ended - run.started).total_seconds()) if run.ended else "",
            "built": " ".join(stage.name for stage in run.stages.values() if stage.state == "built"),
            "accepted": "accepted" if run.accepted else "",
            "message": run.message,
        }
        for run in found
    ]
    if not as_json:
        rows = [shortened(row) for row in rows]
    print_rows(("run", "pipeline", "state", "duration", "built", "message"), rows, as_json)


def shortened(row: dict[str, str]) -> dict[str, str]:
    """A run for a table: its id says when it started."""
    built = row["built"].split()
    return row | {
        "state": ", ".join(filter(None, (row["state"], row["accepted"]))),
        "built": f"{len(built)} stages" if len(built) > 2 else ", ".join(built) or "nothing",
    }


def show_metrics(found: Sequence[RunStatus], as_json: bool) -> None:
    """Print the figures of runs: all of them as JSON, or the most telling ones as a table."""
    if as_json:
        figures = [
            {"run": run.id, "pipeline": run.pipeline, "metrics": {s.name: s.metrics for s in run.stages.values()}}
            for run in found
        ]
        print(json.dumps(figures))
        return
    rows = [
        {
            "run": run.id,
            "pipeline": run.pipeline,
            **{title: figure(run.stages[stage].metrics, name) for title, (stage, name) in TELLING.items()},
        }
        for run in found
    ]
    print_rows(("run", "pipeline", *TELLING), rows, False)


def figure(metrics: dict[str, Any], name: str) -> str:
    """A metric by its name, or by its name and the first space that it was measured in; empty where there is none."""
    value = metrics.get(
        name, next((value for key, value in metrics.items() if re.fullmatch(f"{name}_[^_]+", key)), None)
    )
    return "" if value is None else f"{value:.4g}"


def show(
    stage: Annotated[str, typer.Argument(help="Name of a stage.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the artifacts of a stage: the newest with its files and metrics, the older ones in a line each."""
    if stage not in STAGES:
        raise UserError(f"there is no stage {stage}: the stages are {', '.join(STAGES)}.")
    found = list(open_workspace(store).store.artifacts(stage))[::-1]
    if as_json:
        print(json.dumps([{"path": str(a.path), **a.manifest.model_dump(mode="json")} for a in found], indent=1))
        return
    if not found:
        console.print(f"The store holds no artifact of {stage}: build it with `logoflow run`.")
        return
    describe(found[0])
    for artifact in found[1:]:
        console.print(
            f"older: {artifact.short}, {artifact.manifest.started:%Y-%m-%d %H:%M}, {artifact.path}", markup=False
        )


def describe(artifact: Artifact) -> None:
    """Print what an artifact is, holds and measured."""
    manifest = artifact.manifest
    console.print(
        f"{artifact.short}, {manifest.started:%Y-%m-%d %H:%M}, built in {seconds_in_words(manifest.duration_s)}"
    )
    console.print(str(artifact.path), markup=False)
    facts = {"content": manifest.content[:16], **{f"input {n}": r.content[:16] for n, r in manifest.inputs.items()}}
    facts |= {f"config {name}": value for name, value in manifest.parts.config.items()}
    facts |= {f"metric {name}": value for name, value in manifest.metrics.items()}
    print_rows(("name", "value"), [{"name": name, "value": value} for name, value in facts.items()], False)
    rows = [
        {
            "file": name,
            "size": bytes_in_words(record.size),
            "sha256": record.sha256[:16],
            "data": "data" if record.data else "",
        }
        for name, record in manifest.files.items()
    ]
    print_rows(("file", "size", "sha256", "data"), rows, False)
