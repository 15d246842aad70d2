"""What `status --json` and /status.json say, field by field; docs/status.schema.json is made from these classes.

Write the schema anew after a change with `python -m logoflow.monitor.model > docs/status.schema.json`.
"""

import json
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal[2] = 2
"""Counts up when a field goes away or changes its meaning; new fields leave it as it is."""


class RunState(StrEnum):
    """How a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


class StageState(StrEnum):
    """How a stage of a pipeline stands: while a run goes on what it did there, afterwards what holds now."""

    WAITING = "waiting"
    RUNNING = "running"
    BUILT = "built"
    CACHED = "cached"
    UP_TO_DATE = "up to date"
    STALE = "stale"
    MISSING = "missing"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"


class Part(BaseModel):
    """Part of a status; the schema lists every field as there, and no other."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Progress(Part):
    """How far a stage is."""

    done: float
    total: float
    what: str = Field(description="What is counted: images, kimg, epochs.")

    @property
    def share(self) -> float:
        """From 0 to 1; nothing to do is done."""
        return min(1.0, self.done / self.total) if self.total else 1.0


class Stage(Part):
    """One stage of a pipeline."""

    name: str
    state: StageState = Field(
        description="waiting, running, built, cached, failed, cancelled and crashed tell of the last run; once it has "
        "ended, up to date (it did not come to this stage, whose artifact is still right), stale (a run would build it "
        "anew), missing (its artifact is not in the store) and unknown (see plan_error) tell of now."
    )
    reason: str = Field(description="Why it was built, is stale or failed, in words; may be empty.")
    fingerprint: str = Field(description="Fingerprint of its artifact, 64 hex digits; empty before the first.")
    started: datetime | None = Field(description="When the last run began to build it.")
    duration_s: float | None = Field(description="Seconds: running for so long, else what its last build took.")
    progress: Progress | None = Field(description="While it runs, and once it has told of progress.")
    time_left_s: float | None = Field(
        description="Seconds, while it runs: from the rate of its last progress, else from how long it took last time."
    )
    heartbeat_age_s: float | None = Field(description="Seconds since its process last said that it lives; every 15.")
    metrics: dict[str, Any] = Field(description="What its artifact measured, by name.")
    metrics_before: dict[str, Any] = Field(
        description="The same of the artifact that the pipeline used before this one; empty where there is none."
    )


class Quality(Part):
    """The figures that gates look at; null where the stage did not run yet."""

    quarantined_share: float | None = Field(description="Pictures that could not be read, of those offered: 0 to 1.")
    text_share: float | None = Field(description="Pictures with text, of those distinct: 0 to 1.")
    duplicate_share: float | None = Field(description="Copies, of the pictures without text: 0 to 1.")
    distances: dict[str, float] = Field(
        description="Fréchet and kernel distances of the generator, by metric and space; less is better."
    )


class Run(Part):
    """The last run of a pipeline."""

    id: str
    state: RunState = Field(
        description="queued: another run works in the store; crashed: its process is gone and never said how it ended."
    )
    started: datetime
    ended: datetime | None
    duration_s: float = Field(description="Seconds, until now while it runs.")
    time_left_s: float | None = Field(
        description="Seconds, at most: what runs, and last time's duration of what waits; null where one is unknown."
    )
    heartbeat_age_s: float | None = Field(description="Seconds since its process last said that it lives.")
    accepted: bool = Field(description="Whether people accepted its generator.")
    message: str = Field(description="Why it failed; may be empty.")


class Pipeline(Part):
    """A pipeline, named by its configuration."""

    name: str
    run_counts: dict[RunState, int] = Field(description="How many runs ended in each state, of all in the ledger.")
    last_completed: datetime | None = Field(description="When a run last ended well.")
    last_run: Run
    plan_error: str | None = Field(
        description="Why it cannot be told whether the stages are still up to date (a source is out of reach, say)."
    )
    quality: Quality
    stages: list[Stage] = Field(description="All stages, in order.")


class Orphan(Part):
    """A draft or a work folder that no process holds; `logoflow gc` tells which of them may go."""

    path: str = Field(description="From the store's folder.")
    bytes: int


class StoreStatus(Part):
    """The store's folder."""

    path: str
    exists: bool
    bytes: int = Field(description="All files, drafts and ledger too.")
    artifacts: int = Field(description="Artifacts, units' too.")
    orphans: list[Orphan]


class Worker(Part):
    """A worker of a Prefect work pool."""

    pool: str
    name: str
    online: bool


class Server(Part):
    """Prefect's server."""

    url: str = Field(description="Without password.")
    healthy: bool
    workers: list[Worker]


class Status(Part):
    """Everything that there is to say."""

    schema_version: Literal[2] = SCHEMA_VERSION
    generated: datetime
    store: StoreStatus
    server: Server | None = Field(
        description="null where neither PREFECT_API_URL is set nor `logoflow up` runs, or it is silent for a second."
    )
    pipelines: list[Pipeline] = Field(description="Newest run first.")


class PastRun(Part):
    """One line of the run history, /runs.json."""

    id: str
    pipeline: str
    state: RunState
    started: datetime
    ended: datetime | None
    duration_s: float | None = Field(description="Seconds; null while it runs.")
    built: list[str] = Field(description="The stages that it built.")
    accepted: bool
    message: str


if __name__ == "__main__":
    print(json.dumps(Status.model_json_schema(mode="serialization"), indent=1))
