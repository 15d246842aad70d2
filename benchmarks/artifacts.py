"""Artifacts that no stage made: what benchmarks put in the place of stages that they do not run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from logoflow.resolve import Workspace
from logoflow.store.ledger import Event, Kind
from logoflow.store.manifest import InputRecord, Manifest, Parts, content_digest
from logoflow.store.store import Artifact, record_files


def commit(
    space: Workspace,
    stage: str,
    inputs: Mapping[str, Artifact],
    file: str,
    write: Callable[[Path], object],
    config: Mapping[str, Any] = MappingProxyType({}),
    metrics: Mapping[str, Any] = MappingProxyType({}),
) -> Artifact:
    """Let a function write the one file of a stage's artifact, made from these inputs, and tell the ledger."""
    parts = Parts(
        stage=stage, code="", config=dict(config), inputs={name: made.content for name, made in inputs.items()}
    )
    with space.store.building(stage, parts.fingerprint()) as draft:
        write(draft / file)
        records = record_files(draft, (file,))
        manifest = Manifest(
            stage=stage, fingerprint=parts.fingerprint(), content=content_digest(records), recipe="", parts=parts,
            inputs={
                name: InputRecord(stage=made.stage, fingerprint=made.manifest.fingerprint, content=made.content)
                for name, made in inputs.items()
            },
            units=(), files=records, metrics=dict(metrics), versions={}, host={},
            started=datetime(2025, 1, 1, tzinfo=UTC), duration_s=0,
        )  # fmt: skip
        made = space.store.commit(draft, manifest)
    told = {"fingerprint": manifest.fingerprint, "content": manifest.content}
    space.ledger.append(Event("benchmark", "benchmark", Kind.STAGE_BUILT, stage, told))
    return made
