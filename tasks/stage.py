"""From a build function to a Prefect task that asks the store first.

The store decides whether a stage runs; Prefect shows it: the task returns `Completed(name="Cached")` or
`Completed(name="Built", message="cluster@3f9c2a1b: config k: 10 -> 12")`.
"""

import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, cast

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State, TaskRun
from prefect.states import Completed
from prefect.tasks import Task
from pydantic import BaseModel

from logoflow.config.base import StageSection
from logoflow.errors import UserError
from logoflow.gates import check_gates
from logoflow.machine import describe_host, library_version
from logoflow.report.page import Page, write_page
from logoflow.resolve import Resolution, Workspace, resolve, write_members
from logoflow.run import Run
from logoflow.sources import look_at_sources
from logoflow.stages import MEMBERS, STAGES, Stage
from logoflow.store.ledger import Kind
from logoflow.store.manifest import InputRecord, Manifest, content_digest
from logoflow.store.store import Artifact, record_files
from tasks.made import Answer, Made
from tasks.summary import leave_summary
from tasks.time_limit import time_limit

PROGRESS_S = 1.0

P = ParamSpec("P")


@dataclass
class Build:
    """What a stage's build function works with.

    Attributes:
        run: the run that it belongs to.
        stage: its declaration.
        config: its section of the configuration.
        folder: where its files go.
        work: a folder that outlives a kill, for snapshots of a training.
        space: the store, for artifacts of its units.
        recipe: what it shares with artifacts that differ in images only.
        metrics: figures for the manifest, status and the report.
        units: the unit artifacts that the result refers to, as `kind/fingerprint`.
    """

    run: Run
    stage: Stage
    config: Any
    folder: Path
    work: Path
    space: Workspace
    recipe: str
    metrics: dict[str, Any] = field(default_factory=dict)
    units: list[str] = field(default_factory=list)
    _told_at: float = 0.0

    def progress(self, done: float, total: float, what: str) -> None:
        """Tell how far the stage is, at most once a second."""
        now = time.monotonic()
        if now - self._told_at >= PROGRESS_S or done >= total:
            self._told_at = now
            self.run.tell(Kind.PROGRESS, self.stage.name, done=done, total=total, what=what)

    def members(self, ids: list[str]) -> None:
        """Say which images stand behind the artifact; retrain policies compare these."""
        write_members(self.folder / MEMBERS, ids)

    def page(self, page: Page) -> None:
        """Leave the stage's page for the report."""
        write_page(page, self.folder)


def stage(name: str) -> Callable[[Callable[Concatenate[Build, P], None]], Task[..., Answer]]:
    """Make a stage's build function its Prefect task, whose parameters are the run and the artifacts of its inputs.

    The task returns a state, which other tasks take in an artifact's place: Prefect hands them what it holds.
    """
    declaration = STAGES[name]

    def decorate(build: Callable[Concatenate[Build, P], None]) -> Task[..., Answer]:
        def run_stage(run: Run, *inputs: Artifact) -> Answer:
            state = answer(declaration, build, run, dict(zip(declaration.inputs, inputs, strict=True)))
            leave_summary(run.config.name, run.store, state)
            check_gates(run, cast(Artifact, state.data))
            return state

        run_stage.__doc__ = build.__doc__
        return StageTask(run_stage, name=name, cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=may_pass)

    return decorate


class StageTask(Task[Concatenate[Run, ...], Answer]):
    """A stage's task, which is tried as often as the run's configuration says."""

    def __call__(self, run: Run, *inputs: Made) -> Answer:  # type: ignore[override]
        """Run the stage."""
        section: StageSection = getattr(run.config, self.name)
        tried = self.with_options(retries=section.retries, retry_delay_seconds=section.retry_delay_s)
        return tried(run, *inputs)


def may_pass(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether a stage that failed is worth another try: not where only a person can mend the cause."""
    return not isinstance(state.result(raise_on_failure=False), UserError)


def answer(stage: Stage, build: Callable[..., None], run: Run, inputs: dict[str, Artifact]) -> Answer:
    """The stage's artifact, from the store if it is there, else built; as a state that says which and why."""
    space = run.workspace()
    section: BaseModel = getattr(run.config, stage.name)
    sources = {}
    if not stage.inputs:
        sources = {name: fact.digest for name, fact in look_at_sources(run.config.ingest.sources, space.memo).items()}
    resolution = resolve(stage, section, inputs, sources, space, run.config.name)
    space.memo.save()
    job = Job(stage, build, run, inputs, space, resolution)
    fingerprint = resolution.parts.fingerprint()
    forced = run.force == stage.name
    if resolution.artifact is None or (forced and resolution.artifact.manifest.fingerprint != fingerprint):
        return job.build_once()  # also where a policy would keep a model of other images
    if forced:
        return job.build_aside(resolution.artifact)
    return job.cached(resolution.artifact, resolution.reason)


@dataclass(frozen=True)
class Job:
    """One stage of one run, resolved: what is needed to build it and to tell of it."""

    stage: Stage
    work: Callable[..., None]
    run: Run
    inputs: dict[str, Artifact]
    space: Workspace
    resolution: Resolution

    def cached(self, artifact: Artifact, reason: str) -> Answer:
        """The artifact was there."""
        manifest = artifact.manifest
        self.run.tell(
            Kind.STAGE_CACHED,
            self.stage.name,
            reason=reason,
            parts=self.resolution.parts.model_dump(),
            fingerprint=manifest.fingerprint,
            content=manifest.content,
            metrics=manifest.metrics,
        )
        return Completed(name="Cached", message=f"{artifact.short}: {reason}", data=artifact)

    def build_once(self) -> Answer:
        """Build and commit the artifact, unless another run did so while this one waited for the lock."""
        fingerprint = self.resolution.parts.fingerprint()
        with self.space.store.building(self.stage.name, fingerprint) as draft:
            if found := self.space.store.find(self.stage.name, fingerprint):
                return self.cached(found, "built by another run meanwhile")
            artifact = self.space.store.commit(draft, self.make(draft, self.stage.name, self.resolution.reason))
        self.built(artifact, self.resolution.reason)
        return Completed(name="Built", message=f"{artifact.short}: {self.resolution.reason}", data=artifact)

    def build_aside(self, artifact: Artifact) -> Answer:
        """Build again and compare with what is there; both are kept where they differ. Results of units are reused."""
        aside = f"{self.stage.name}.forced"
        with self.space.store.building(aside, artifact.manifest.fingerprint) as draft:
            manifest = self.make(draft, aside, "forced")
            if manifest.content == artifact.content:
                shutil.rmtree(self.space.store.work_folder(aside, manifest.fingerprint))  # the next begins anew, too
                self.built(artifact, "forced: reproduced, the same content digest")
                return Completed(name="Reproduced", message=f"{artifact.short}: reproduced", data=artifact)
            other = self.space.store.commit(draft, manifest)
        reason = (
            f"forced: not reproduced, {other.content[:8]} instead of {artifact.content[:8]}; it is kept as {other.path}"
        )
        self.built(artifact, reason)
        return Completed(name="NotReproduced", message=f"{artifact.short}: {reason}", data=artifact)

    def make(self, draft: Path, kind: str, reason: str) -> Manifest:
        """Do the stage's work in a draft folder and describe what it made."""
        stage, parts = self.stage, self.resolution.parts
        fingerprint = parts.fingerprint()
        started, clock = datetime.now(UTC), time.perf_counter()
        told = {"reason": reason, "parts": parts.model_dump(), "fingerprint": fingerprint}
        with self.run.stage_recorded(stage.name, pid=os.getpid(), **told):
            config = getattr(self.run.config, stage.name)
            kept = self.space.store.work_folder(kind, fingerprint)
            state = Build(self.run, stage, config, draft, kept, self.space, self.resolution.recipe)
            with time_limit(stage.name, config.timeout_s):
                self.work(state, *self.inputs.values())
            files = record_files(draft, stage.data)
        return Manifest(
            stage=kind,
            fingerprint=fingerprint,
            content=content_digest(files),
            recipe=self.resolution.recipe,
            parts=parts,
            inputs={
                name: InputRecord(stage=a.stage, fingerprint=a.manifest.fingerprint, content=a.content)
                for name, a in self.inputs.items()
            },
            units=tuple(state.units),
            files=files,
            metrics={name: plain(value) for name, value in state.metrics.items()},
            versions={name: library_version(name) for name in stage.libraries},
            host=describe_host(),
            started=started,
            duration_s=round(time.perf_counter() - clock, 3),
        )

    def built(self, artifact: Artifact, reason: str) -> None:
        """Tell that the stage was built, and what it measured."""
        manifest = artifact.manifest
        self.run.tell(
            Kind.STAGE_BUILT,
            self.stage.name,
            reason=reason,
            parts=manifest.parts.model_dump(),
            fingerprint=manifest.fingerprint,
            content=manifest.content,
            duration_s=manifest.duration_s,
            metrics=manifest.metrics,
        )


def plain(value: Any) -> Any:
    """A metric as JSON can say it: numpy's numbers as Python's, and nothing for what is not finite."""
    number = value.item() if hasattr(value, "item") else value
    return None if isinstance(number, float) and not math.isfinite(number) else number
