"""`logoflow diff`: two runs side by side, as tables, as JSON, and with their pictures as a page."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from logoflow.cli.follow import short
from logoflow.cli.output import JsonOption, StoreOption, console, open_workspace, print_rows
from logoflow.comparison.compare import Change, RunDiff, StageDiff, compare
from logoflow.errors import UserError
from logoflow.status import RunStatus, find_run

RunArgument = Annotated[str, typer.Argument(help="Id of a run, or its beginning; see `logoflow runs`.")]


def diff(
    before: RunArgument,
    after: RunArgument,
    out: Annotated[
        Path | None, typer.Option(help="New folder for a page that also shows their pictures side by side.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs: configuration, sources, stages shared or rebuilt and why, metrics, pictures."""
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out is {out}, which is there already: give a new or an empty folder.")
    space = open_workspace(store)
    found = compare(find_run(space.ledger, before), find_run(space.ledger, after), space)
    if as_json:
        print(json.dumps(as_values(found), indent=1))
    else:
        show(found)
    if out is not None:
        from logoflow.comparison.page import write_comparison

        page = write_comparison(found, out)
        if not as_json:
            console.print(f"Pictures side by side: {page}", markup=False)


def show(found: RunDiff) -> None:
    """Print the comparison as tables, without what is the same."""
    sides = (found.before.id, found.after.id)
    rows = [
        {"setting": change.name, sides[0]: value(change.before), sides[1]: value(change.after)}
        for change in found.config
    ]
    table("Configuration", ("setting", *sides), rows, "the same in both")
    rows = [
        {
            "source": source.name,
            sides[0]: told(source.images_before, source.digest_before),
            sides[1]: told(source.images_after, source.digest_after),
        }
        for source in found.sources
    ]
    table("Sources", ("source", *sides), rows, "neither run came to ingest")
    table("Stages", ("stage", "what", "why"), [row_of(stage) for stage in found.stages], "")
    rows = [
        {"metric": f"{stage} {name}", sides[0]: value(old), sides[1]: value(new), "difference": signed(difference)}
        for stage, name, old, new, difference in found.metrics
    ]
    table("Metrics", ("metric", *sides, "difference"), rows, "the same in both")


def table(title: str, columns: Sequence[str], rows: Sequence[dict[str, str]], empty: str) -> None:
    """Print a table under its title, or in a word that there is nothing in it."""
    console.print(f"\n[bold]{title}[/bold]{'' if rows else ': ' + empty}")
    if rows:
        print_rows(columns, rows, False)


def value(content: object) -> str:
    """A value in few digits; nothing for none."""
    return "" if content is None else short(content)


def told(images: int | None, digest: str | None) -> str:
    """A source in a few words."""
    return ", ".join(filter(None, ("" if images is None else f"{images} images", digest)))


def row_of(stage: StageDiff) -> dict[str, str]:
    """A stage as a row."""
    return {"stage": stage.name, "what": stage.what, "why": stage.why}


def signed(difference: float | None) -> str:
    """A difference with its sign."""
    return "" if difference is None else f"{difference:+.4g}"


def as_values(found: RunDiff) -> dict[str, Any]:
    """The comparison as JSON can say it."""
    return {
        "before": facts(found.before),
        "after": facts(found.after),
        "config": each(found.config),
        "sources": [asdict(source) for source in found.sources],
        "stages": [{**row_of(stage), "metrics": each(stage.metrics)} for stage in found.stages],
    }


def facts(run: RunStatus) -> dict[str, Any]:
    """What is told of a run."""
    started = run.started.isoformat(timespec="seconds")
    return {"run": run.id, "pipeline": run.pipeline, "state": run.state, "started": started}


def each(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes with their differences."""
    return [{**asdict(change), "difference": change.difference} for change in changes]
