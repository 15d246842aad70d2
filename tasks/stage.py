"""From a build function to a Prefect task that asks the store first.

The store decides whether a stage runs; Prefect shows it: the task returns `Completed(name="Cached")` or
`Completed(name="Built", message="cluster@3f9c2a1b: config k: 10 -> 12")`.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.states import Completed
from prefect.tasks import Task
from pydantic import BaseModel

from logoflow.machine import describe_host, library_version
from logoflow.report.page import Page, write_page
from logoflow.resolve import Resolution, Workspace, resolve, write_members
from logoflow.run import Run
from logoflow.sources import source_digests
from logoflow.stages import MEMBERS, STAGES, Stage
from logoflow.store.ledger import Kind
from logoflow.store.manifest import InputRecord, Manifest, content_digest
from logoflow.store.store import Artifact, record_files

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


def stage(name: str) -> Callable[[Callable[Concatenate[Build, P], None]], Task[..., State[Artifact]]]:
    """Make a stage's build function its Prefect task, whose parameters are the run and the artifacts of its inputs.

    The task returns a state, which other tasks take in an artifact's place: Prefect hands them what it holds.
    """
    declaration = STAGES[name]

    def decorate(build: Callable[Concatenate[Build, P], None]) -> Task[..., State[Artifact]]:
        def run_stage(run: Run, *inputs: Artifact) -> State[Artifact]:
            return answer(declaration, build, run, dict(zip(declaration.inputs, inputs, strict=True)))

        run_stage.__doc__ = build.__doc__
        return task(name=name, cache_policy=NO_CACHE, persist_result=False)(run_stage)

    return decorate


def answer(stage: Stage, build: Callable[..., None], run: Run, inputs: dict[str, Artifact]) -> State[Artifact]:
    """The stage's artifact, from the store if it is there, else built; as a state that says which and why."""
    space = run.workspace()
    section: BaseModel = getattr(run.config, stage.name)
    sources = {} if stage.inputs else source_digests(run.config.ingest.sources, space.memo)
    resolution = resolve(stage, section, inputs, sources, space, run.config.name)
    space.memo.save()
    fingerprint = resolution.parts.fingerprint()
    if resolution.artifact is None:
        with space.store.building(stage.name, fingerprint) as draft:
            artifact = space.store.find(stage.name, fingerprint)  # another run may have built it while we waited
            if artifact is None:
                artifact = make(stage, build, run, inputs, resolution, draft, space)
                message = f"{artifact.short}: {resolution.reason}"
                return Completed(name="Built", message=message, data=artifact)
            resolution = Resolution(resolution.parts, resolution.recipe, artifact, "built by another run meanwhile")
    artifact = resolution.artifact
    assert artifact is not None
    parts = resolution.parts.model_dump()
    run.tell(Kind.STAGE_CACHED, stage.name, reason=resolution.reason, parts=parts, **identity(artifact))
    return Completed(name="Cached", message=f"{artifact.short}: {resolution.reason}", data=artifact)


def make(
    stage: Stage,
    build: Callable[..., None],
    run: Run,
    inputs: dict[str, Artifact],
    resolution: Resolution,
    draft: Path,
    space: Workspace,
) -> Artifact:
    """Build the artifact in its draft folder and commit it."""
    fingerprint = resolution.parts.fingerprint()
    told = {"reason": resolution.reason, "parts": resolution.parts.model_dump(), "fingerprint": fingerprint}
    started, clock = datetime.now(UTC), time.perf_counter()
    with run.stage_recorded(stage.name, pid=os.getpid(), **told):
        work = space.store.work_folder(stage.name, fingerprint)
        state = Build(run, stage, getattr(run.config, stage.name), draft, work, space, resolution.recipe)
        build(state, *inputs.values())
        files = record_files(draft, stage.data)
        manifest = Manifest(
            stage=stage.name,
            fingerprint=fingerprint,
            content=content_digest(files),
            recipe=resolution.recipe,
            parts=resolution.parts,
            inputs={
                name: InputRecord(stage=a.stage, fingerprint=a.manifest.fingerprint, content=a.content)
                for name, a in inputs.items()
            },
            units=tuple(state.units),
            files=files,
            metrics=state.metrics,
            versions={name: library_version(name) for name in stage.libraries},
            host=describe_host(),
            started=started,
            duration_s=round(time.perf_counter() - clock, 3),
        )
        artifact = space.store.commit(draft, manifest)
    run.tell(
        Kind.STAGE_BUILT,
        stage.name,
        **told,
        content=artifact.content,
        duration_s=manifest.duration_s,
        metrics=state.metrics,
    )
    return artifact


def identity(artifact: Artifact) -> dict[str, Any]:
    """What the ledger keeps of an artifact that was there already."""
    manifest = artifact.manifest
    return {"fingerprint": manifest.fingerprint, "content": manifest.content, "metrics": manifest.metrics}
