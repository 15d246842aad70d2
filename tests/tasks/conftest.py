"""The stages of ingest and curate as they are, on a real store, with their units done in this process."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from logoflow.config.load import check_config
from logoflow.config.pipeline import PipelineConfig
from logoflow.run import Run
from logoflow.store.store import Artifact
from tasks import units
from tasks.ingest import ingest

RunIngest = Callable[..., Artifact]
Sources = dict[str, Any] | list[dict[str, Any]]


class Here:
    """In the place of Prefect's runner, which would need a server: does each unit at once."""

    def __init__(self, work: Callable[..., Artifact]) -> None:
        self._work = work

    def submit(self, *arguments: Any) -> Future[Artifact]:
        future: Future[Artifact] = Future()
        future.set_result(self._work(*arguments))
        return future


def _as_they_are(futures: Iterable[Future[Artifact]]) -> Iterable[Future[Artifact]]:
    return futures


def small_config(sources: Sources, curate: dict[str, Any] | None = None, **settings: Any) -> PipelineConfig:
    """A configuration for few images, with sources as in one or by name, and settings of curate and of ingest."""
    if isinstance(sources, dict):
        sources = [{"name": name, "path": str(path)} for name, path in sources.items()]
    encoder = {"batch": 2, "queue": 2, "normalisation_groups": 1}
    return check_config(
        {
            "name": "small",
            "ingest": {"sources": sources, **settings},
            "train_encoder": encoder,
            "cluster": {"k": 2},
            "curate": {"resolution": 16, **(curate or {})},
        }
    )


@pytest.fixture
def make_config() -> Callable[..., PipelineConfig]:
    return small_config


@pytest.fixture
def units_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "run_unit", Here(units.run_unit.fn))
    monkeypatch.setattr(units, "as_completed", _as_they_are)


@pytest.fixture
def run_ingest(units_here: None) -> RunIngest:
    """Run ingest on sources (by name), with a store."""

    def run(store: Path, sources: Sources, **settings: Any) -> Artifact:
        state = ingest.fn(Run(small_config(sources, **settings), store))
        assert isinstance(state.data, Artifact)
        return state.data

    return run
