"""Ingests a source into a store, units one after the other, without Prefect's server: SOURCE STORE SHARD_IMAGES."""

import sys
from pathlib import Path

from benchmarks.ingest import Here
from logoflow.config.load import check_config
from logoflow.run import Run
from tasks import units
from tasks.ingest import ingest


def main() -> None:
    """Do it, and tell the content digest."""
    source, store, shard_images = sys.argv[1:]
    units.run_unit = Here(units.run_unit.fn)  # type: ignore[assignment]
    units.as_completed = list  # type: ignore[assignment]
    sources = [{"name": "lld", "path": source}]
    config = check_config({"name": "killed", "ingest": {"sources": sources, "shard_images": int(shard_images)}})
    state = ingest.fn(Run(config, Path(store)))
    print(state.data.content, state.data.manifest.metrics["units_run"])


if __name__ == "__main__":
    main()
