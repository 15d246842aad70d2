"""Ingests a source into a store, units one after the other, without Prefect's server; to be killed while it does."""

from pathlib import Path

import torch  # noqa: F401  (takes seconds to load, which a server of forks does once)

from benchmarks.ingest import Here
from logoflow.config.load import check_config
from logoflow.run import Run
from tasks import units
from tasks.ingest import ingest


def ingest_into(source: Path, store: Path, shard_images: int, answer: Path) -> None:
    """Ingest, and write the content digest and the number of units that were run into a file."""
    units.run_unit = Here(units.run_unit.fn)  # type: ignore[assignment]
    units.as_completed = list  # type: ignore[assignment, attr-defined]
    sources = [{"name": "lld", "path": str(source)}]
    config = check_config({"name": "killed", "ingest": {"sources": sources, "shard_images": shard_images}})
    made = ingest.fn(Run(config, store)).data
    answer.write_text(f"{made.content} {made.manifest.metrics['units_run']}")
