"""A status for people: a table of stages for each pipeline, once, drawn anew on a terminal, or as lines elsewhere."""

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from logoflow.cli.output import bytes_in_words, seconds_in_words
from logoflow.monitor.gather import Observer
from logoflow.monitor.model import Pipeline, Stage, StageState, Status
from logoflow.resolve import Place

EVERY_S = 1.0
STYLES = {
    "completed": "green", "built": "green", "cached": "dim green", "up to date": "dim green", "running": "bold cyan",
    "stale": "yellow", "cancelled": "yellow", "missing": "dim", "waiting": "dim", "queued": "dim", "unknown": "dim",
    "failed": "bold red", "crashed": "bold red",
}  # fmt: skip
"""By state of a stage or run. The word is there, too: colour only helps."""


def view(status: Status, wide: bool = True) -> RenderableType:
    """Everything in a status.

    Args:
        status: what to show.
        wide: whether to draw bars, for a terminal; else progress is in figures only.
    """
    if not status.pipelines:
        return Text("No run yet: start one with `logoflow run`.")
    parts: list[RenderableType] = []
    for pipeline in status.pipelines:
        parts += [headline(pipeline), stages_table(pipeline, wide)]
        if pipeline.plan_error:
            parts.append(Text(f"whether it is still up to date cannot be told: {pipeline.plan_error}", "yellow"))
        parts.append(Text(figures(pipeline), "dim"))
        parts.append(Text())
    return Group(*parts, Text(footline(status), "dim"))


def headline(pipeline: Pipeline) -> Text:
    """A pipeline and its last run."""
    run = pipeline.last_run
    text = Text.assemble((pipeline.name, "bold"), ": ", (run.state.value, STYLES[run.state]), f", run {run.id}")
    if run.ended is None:
        text.append(f", for {seconds_in_words(run.duration_s)}")
        if run.time_left_s is not None:
            text.append(f", at most {seconds_in_words(run.time_left_s)} to go")
    if run.heartbeat_age_s is not None:
        text.append(f", last sign of life {seconds_in_words(run.heartbeat_age_s)} ago")
    return text.append(f", {run.message}" if run.message else "")


def stages_table(pipeline: Pipeline, wide: bool) -> Table:
    """The stages of a pipeline."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("stage", "state"):
        table.add_column(column, no_wrap=True)
    table.add_column("duration", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for stage in pipeline.stages:
        told = stage.duration_s is not None and stage.state not in (StageState.WAITING, StageState.MISSING)
        took = seconds_in_words(stage.duration_s or 0.0) if told else ""
        table.add_row(stage.name, Text(stage.state.value, STYLES[stage.state]), took, reason(stage, wide))
    return table


def reason(stage: Stage, wide: bool) -> RenderableType:
    """Why a stage is as it is, below how far it is."""
    why = Text(stage.reason, "dim")
    if stage.progress is None:
        return why
    done = stage.progress
    words = Text(f"{done.done:g} of {done.total:g} {done.what}")
    if stage.time_left_s is not None:
        words.append(f", {seconds_in_words(stage.time_left_s)} to go")
    if not wide:
        return Group(words, why)
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(1.0, done.share, width=24, complete_style="cyan", finished_style="green"), words)
    return Group(row, why)


def figures(pipeline: Pipeline) -> str:
    """What gates look at, in one line."""
    quality = pipeline.quality
    shares = {
        "unreadable": quality.quarantined_share,
        "with text": quality.text_share,
        "copies": quality.duplicate_share,
    }
    told = [f"{share:.1%} {name}" for name, share in shares.items() if share is not None]
    return ", ".join(told + [f"{name} {value:.4g}" for name, value in quality.distances.items()])


def footline(status: Status) -> str:
    """Store and server, in one line."""
    store = status.store
    told = [f"store {bytes_in_words(store.bytes)}, {store.artifacts} artifacts"]
    if store.orphans:
        told.append(f"orphans: {len(store.orphans)} ({bytes_in_words(sum(o.bytes for o in store.orphans))})")
    if status.server is not None:
        online = sum(worker.online for worker in status.server.workers)
        told.append(
            f"Prefect {'well' if status.server.healthy else 'unwell'}, {online} worker{'s' * (online != 1)} online"
        )
    return "; ".join(told)


def watch(root: Place, console: Console) -> None:
    """Show the status of a store until Ctrl-C: drawn again each second on a terminal, else a line for each change."""
    observer = Observer(root)
    try:
        if console.is_terminal:
            with Live(view(observer.status()), console=console, auto_refresh=False, screen=True) as live:
                while True:
                    time.sleep(EVERY_S)
                    live.update(view(observer.status()), refresh=True)
        known: dict[str, str] = {}
        while True:
            for key, line in lines(observer.status()).items():
                if known.get(key) != line:
                    known[key] = line
                    console.print(line, markup=False)
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return


def lines(status: Status) -> dict[str, str]:
    """A line for each pipeline and each of its stages, by what it is about; one that changed is printed."""
    told = {}
    for pipeline in status.pipelines:
        run = pipeline.last_run
        told[pipeline.name] = f"{pipeline.name}: {run.state.value}, run {run.id}{', ' * bool(run.message)}{run.message}"
        for stage in pipeline.stages:
            why = f": {stage.reason}" if stage.reason else ""
            told[f"{pipeline.name}/{stage.name}"] = f"{pipeline.name}: {stage.name:<14} {stage.state.value}{why}"
    return told
