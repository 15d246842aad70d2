"""Two runs side by side: configuration, sources, what each stage made and why anew, and what it measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from logoflow.fingerprint import changed_keys, differences
from logoflow.resolve import Workspace
from logoflow.stages import STAGES
from logoflow.status import RunStatus
from logoflow.store.ledger import Event, Kind
from logoflow.store.manifest import Parts
from logoflow.store.store import Artifact

DIGITS = 12
"""Of a digest that is only to be recognised."""
Number: TypeAlias = int | float


@dataclass(frozen=True)
class Change:
    """A value that is not the same in both runs; None where a run does not have it."""

    name: str
    before: Any
    after: Any

    @property
    def cells(self) -> tuple[Any, ...]:
        """The change as a row."""
        return (self.name, self.before, self.after)

    @property
    def difference(self) -> Number | None:
        """How much more it is afterwards, where both are numbers."""
        both = (self.before, self.after)
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in both)
        return self.after - self.before if numbers else None


@dataclass(frozen=True)
class SourceDiff:
    """One source of images: the beginning of its digest and how many entries it offers; None where that is unknown."""

    name: str
    digest_before: str | None
    digest_after: str | None
    images_before: int | None
    images_after: int | None

    @property
    def cells(self) -> tuple[Any, ...]:
        """The source as a row."""
        return (self.name, self.images_before, self.images_after, self.digest_before, self.digest_after)


@dataclass(frozen=True)
class StageDiff:
    """One stage.

    Attributes:
        name: of the stage.
        what: shared, rebuilt, rebuilt to the same content, or which run did not come to it.
        why: for what is not shared, what is different.
        metrics: all that either run measured.
        before: its artifact in the first run, where the store still has it.
        after: that in the second.
    """

    name: str
    what: str
    why: str
    metrics: tuple[Change, ...]
    before: Artifact | None
    after: Artifact | None

    @property
    def cells(self) -> tuple[Any, ...]:
        """The stage as a row."""
        return (self.name, self.what, self.why)


@dataclass(frozen=True)
class RunDiff:
    """Everything that is to be told of two runs."""

    before: RunStatus
    after: RunStatus
    config: tuple[Change, ...]
    sources: tuple[SourceDiff, ...]
    stages: tuple[StageDiff, ...]

    @property
    def metrics(self) -> list[tuple[Any, ...]]:
        """What was measured otherwise: stage, metric, both values and their difference."""
        return [
            (stage.name, *change.cells, change.difference)
            for stage in self.stages
            for change in stage.metrics
            if change.before != change.after
        ]


def compare(before: RunStatus, after: RunStatus, space: Workspace) -> RunDiff:
    """Compare two runs, by the ledger, which outlives artifacts; pictures and counts of sources need these, too."""
    answers = [answers_of(run, space) for run in (before, after)]
    stages = tuple(compare_stage(name, answers[0].get(name), answers[1].get(name), space) for name in STAGES)
    config = changes(config_of(before, space), config_of(after, space))
    return RunDiff(before, after, config, compare_sources(stages[0], answers), stages)


def answers_of(run: RunStatus, space: Workspace) -> dict[str, Event]:
    """The event by which each stage of a run built or found its artifact."""
    kinds = (Kind.STAGE_BUILT, Kind.STAGE_CACHED)
    return {event.stage: event for event in space.ledger.events(run.id) if event.kind in kinds}


def config_of(run: RunStatus, space: Workspace) -> dict[str, Any]:
    """The configuration that a run was started with."""
    started = next(event for event in space.ledger.events(run.id) if event.kind is Kind.RUN_STARTED)
    found: dict[str, Any] = started.data["config"]
    return found


def changes(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> tuple[Change, ...]:
    """Each leaf of nested mappings that differs, under its dotted name."""
    found: list[Change] = []
    for key in changed_keys(before, after):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += changes(old, new, f"{prefix}{key}.")
        else:
            found.append(Change(f"{prefix}{key}", old, new))
    return tuple(found)


def compare_stage(name: str, before: Event | None, after: Event | None, space: Workspace) -> StageDiff:
    """Compare what two runs say of a stage; None for one that did not come to it."""
    measured = [event.data["metrics"] if event else {} for event in (before, after)]
    metrics = tuple(Change(key, measured[0].get(key), measured[1].get(key)) for key in {**measured[0], **measured[1]})
    artifacts = [space.store.find(name, event.data["fingerprint"]) if event else None for event in (before, after)]
    what, why = judge(before, after)
    return StageDiff(name, what, why, metrics, artifacts[0], artifacts[1])


def judge(before: Event | None, after: Event | None) -> tuple[str, str]:
    """Whether two runs share what a stage made, and else why not."""
    if before is None or after is None:
        missing = [word for word, event in (("first", before), ("second", after)) if event is None]
        return f"not in the {' and '.join(missing)}", ""
    if before.data["fingerprint"] == after.data["fingerprint"]:
        return "shared", ""
    why = differences(Parts.model_validate(before.data["parts"]), Parts.model_validate(after.data["parts"]))
    same = before.data["content"] == after.data["content"]
    return "rebuilt to the same content" if same else "rebuilt", ", ".join(why)


def compare_sources(ingest: StageDiff, answers: list[dict[str, Event]]) -> tuple[SourceDiff, ...]:
    """Every source of either run."""
    digests = [answer["ingest"].data["parts"]["inputs"] if "ingest" in answer else {} for answer in answers]
    counts = [offered(artifact) for artifact in (ingest.before, ingest.after)]
    return tuple(
        SourceDiff(
            name, *(each.get(name, "")[:DIGITS] or None for each in digests), *(each.get(name) for each in counts)
        )
        for name in {**digests[0], **digests[1]}
    )


def offered(table: Artifact | None) -> dict[str, int]:
    """How many entries each source offered to an ingest artifact."""
    if table is None:
        return {}
    funnel = json.loads(table.file("funnel.json").read_text())
    return {name: counts["offered"] for name, counts in funnel["sources"].items()}
