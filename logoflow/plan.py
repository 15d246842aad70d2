"""The plan: for every stage whether it is up to date, would run and why, or waits for one that runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from logoflow.changes import ENTRIES, image_changes
from logoflow.config.pipeline import PipelineConfig
from logoflow.fingerprint import changed_keys, changed_values, file_digests, fingerprinted
from logoflow.resolve import Resolution, Workspace, resolve
from logoflow.sources import SourceFacts, look_at_sources, refuse_impossible
from logoflow.stages import STAGES, Stage
from logoflow.store.store import Artifact


class Action(StrEnum):
    """What a run would do with a stage."""

    UP_TO_DATE = "up to date"
    RUN = "run"
    PENDING = "pending"


@dataclass(frozen=True)
class Step:
    """One stage of a plan."""

    stage: Stage
    action: Action
    reason: str
    artifact: Artifact | None = None


def make_plan(config: PipelineConfig, space: Workspace) -> list[Step]:
    """Decide for every stage, in order, what a run would do. Nothing is run or written but the memory of digests.

    Raises:
        UserError: a source or a file of weights cannot be read, or a setting is impossible with so few images.
    """
    facts = look_at_sources(config.ingest.sources, space.memo)
    refuse_impossible(config, sum(fact.images for fact in facts.values()))
    for stage in STAGES.values():
        file_digests(stage.name, getattr(config, stage.name), space.memo)  # for stages that only wait, too
    steps: dict[str, Step] = {}
    for stage in STAGES.values():
        steps[stage.name] = plan_stage(stage, config, facts, steps, space)
    space.memo.save()
    return list(steps.values())


def plan_stage(
    stage: Stage, config: PipelineConfig, facts: Mapping[str, SourceFacts], steps: dict[str, Step], space: Workspace
) -> Step:
    """Decide for one stage, given the steps before it."""
    section = getattr(config, stage.name)
    waits_for = [name for name in stage.inputs if steps[name].artifact is None]
    if waits_for:
        last = space.ledger.last_answer(config.name, stage.name)
        changed = changed_values(last.data["parts"]["config"], fingerprinted(section)) if last else []
        if changed:
            return Step(stage, Action.RUN, ", ".join(f"config {line}" for line in changed))
        return Step(stage, Action.PENDING, f"waits for {', '.join(waits_for)}")
    inputs = {name: artifact for name in stage.inputs if (artifact := steps[name].artifact)}
    sources = {} if stage.inputs else {name: fact.digest for name, fact in facts.items()}
    resolution = resolve(stage, section, inputs, sources, space, config.name)
    if resolution.artifact is not None:
        return Step(stage, Action.UP_TO_DATE, resolution.reason, resolution.artifact)
    reason = resolution.reason if stage.inputs else reason_for_ingest(resolution, config, facts, space)
    return Step(stage, Action.RUN, reason)


def reason_for_ingest(
    resolution: Resolution, config: PipelineConfig, facts: Mapping[str, SourceFacts], space: Workspace
) -> str:
    """Why ingest runs; where sources changed, with how many images came and went."""
    last = space.ledger.last_answer(config.name, "ingest")
    table = space.store.find("ingest", last.data["fingerprint"]) if last else None
    if last is None or table is None or ENTRIES not in table.manifest.files:
        return resolution.reason
    before, reason = last.data["parts"]["inputs"], resolution.reason
    changed = changed_keys(before, {name: fact.digest for name, fact in facts.items()})
    for name, told in image_changes(table, config.ingest.sources, facts, changed, space.memo).items():
        reason = reason.replace(f"input {name} changed", f"{name}: {told}")
    return reason
