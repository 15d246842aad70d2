"""What gc keeps: what the last runs used, what is still to be finished, what people accepted or pinned."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from logoflow.status import RunStatus, read_runs
from logoflow.store.check import Span
from logoflow.store.ledger import Event, Kind, Ledger
from logoflow.store.store import Store

Needed = set[tuple[str, str]]
"""(stage, fingerprint) of artifacts."""

SILENT = timedelta(hours=1)
"""A run of another machine that gave no sign of life for so long is taken to be dead; they come every 15 s."""


def needed(store: Store, ledger: Ledger, count: int) -> tuple[Needed, list[Span]]:
    """What is to be kept.

    Args:
        store: where pinned artifacts are looked for.
        ledger: which runs there were.
        count: so many last runs of each pipeline count, and so many that were accepted last.

    Returns:
        (stage, fingerprint) of artifacts, and when stages worked that are running or broke off; the next run goes on
        from what they left.
    """
    runs = read_runs(ledger)  # newest first
    used, spans = used_by_last(runs, count)
    return used | accepted(ledger, count) | pinned(store, ledger, count), spans


def used_by_last(runs: Sequence[RunStatus], count: int) -> tuple[Needed, list[Span]]:
    """For each stage what the last runs of it used, and what is still to be finished.

    Counted by stage, since runs of a single stage would else push out what the whole pipeline rests on.
    """
    used, spans = Needed(), list[Span]()
    seen = Counter[tuple[str, str]]()
    for run in runs:
        for stage in run.stages.values():
            place = (run.pipeline, stage.name)
            if stage.state in ("built", "cached") and seen[place] < count:
                used.add((stage.name, stage.fingerprint))
                seen[place] += 1
            elif stage.state in ("running", "failed", "cancelled", "crashed") and stage.started and not seen[place]:
                used.add((stage.name, stage.fingerprint))
                spans.append((stage.started, run.ended or datetime.now(UTC)))
    return used, spans


def accepted(ledger: Ledger, count: int) -> Needed:
    """The artifacts of the runs of each pipeline that people accepted last."""
    return {key for event in last_of(Kind.ACCEPTED, ledger, count) for key in event.data["artifacts"].items()}


def pinned(store: Store, ledger: Ledger, count: int) -> Needed:
    """The artifacts that the configurations of the last runs of each pipeline name by fingerprint."""
    pins = {pin for event in last_of(Kind.RUN_STARTED, ledger, count) for pin in pins_of(event.data.get("config", {}))}
    return {
        (stage, artifact.manifest.fingerprint)
        for stage, pin in pins
        for artifact in store.artifacts(stage)
        if artifact.manifest.fingerprint.startswith(pin)
    }


def last_of(kind: Kind, ledger: Ledger, count: int) -> Iterator[Event]:
    """The newest events of a kind about runs, so many of each pipeline."""
    by_pipeline = defaultdict[str, list[Event]](list)
    for event in ledger.of_kind(kind, ""):
        by_pipeline[event.pipeline].append(event)
    for events in by_pipeline.values():
        yield from events[-count:]


def pins_of(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The artifacts that a recorded configuration names: stage, and beginning of the fingerprint."""
    for stage, section in config.items():
        if isinstance(section, Mapping):
            for pin in (section.get("reference"), (section.get("retrain") or {}).get("pin")):
                if pin is not None:
                    yield stage, pin


def working(ledger: Ledger) -> list[str]:
    """The runs that go on at this moment."""
    now = datetime.now(UTC)
    running = [run for run in read_runs(ledger) if run.state == "running"]
    return [run.id for run in running if now - ledger.events(run.id)[-1].at < SILENT]
