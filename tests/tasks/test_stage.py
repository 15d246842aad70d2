"""A stage task asks the store first, and tells in its state and in the ledger what it did and why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefect.client.schemas import State

from logoflow.config.load import check_config
from logoflow.run import Run
from logoflow.stages import STAGES
from logoflow.status import read_runs
from logoflow.store.check import unneeded, verify
from logoflow.store.store import Artifact
from tasks.stage import Build, answer, plain

INGEST = STAGES["ingest"]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Run]:
    """Begin a run on a folder of one file."""
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos" / "a.png").write_bytes(b"a")

    def begin(**options: Any) -> Run:
        sources = [{"name": "logos", "path": str(tmp_path / "logos")}]
        config = check_config({"name": "small", "ingest": {"sources": sources, **options.pop("ingest", {})}})
        return Run(config, tmp_path / "store", **options)

    return begin


class Work:
    """A build function that writes `content`, and counts how often it was asked."""

    def __init__(self, content: bytes = b"the same each time") -> None:
        self.content = content
        self.calls = 0
        self.resumed: list[bool] = []

    def __call__(self, build: Build) -> None:
        self.calls += 1
        self.resumed.append((build.work / "snapshot").exists())
        (build.work / "snapshot").write_bytes(b"step 100")
        for name in INGEST.data:
            (build.folder / name).write_bytes(self.content)
        (build.folder / "log").write_text(f"call {self.calls}")
        build.metrics["images"] = 1


def made(state: State[Artifact]) -> Artifact:
    assert isinstance(state.data, Artifact)
    return state.data


def stage_of(run: Run) -> Any:
    return read_runs(run.ledger)[0].stages["ingest"]


def test_a_stage_is_built_once_and_found_from_then_on(start: Callable[..., Run]) -> None:
    work = Work()
    first = answer(INGEST, work, start(), {})
    assert (first.name, first.message) == ("Built", f"{made(first).short}: never ran")
    run = start()
    second = answer(INGEST, work, run, {})
    assert (second.name, second.message) == ("Cached", f"{made(second).short}: up to date")
    assert made(second) == made(first)
    assert work.calls == 1
    assert (stage_of(run).state, stage_of(run).fingerprint) == ("cached", made(first).manifest.fingerprint)


def test_a_changed_setting_builds_again_and_says_why(start: Callable[..., Run]) -> None:
    work = Work()
    answer(INGEST, work, start(), {})
    run = start(ingest={"min_side": 24})
    state = answer(INGEST, work, run, {})
    assert (state.name, state.message) == ("Built", f"{made(state).short}: config min_side: 16 -> 24")
    assert (stage_of(run).state, stage_of(run).metrics) == ("built", {"images": 1})
    assert list(verify(run.workspace().store)) == []


def test_a_stage_that_fails_says_so_leaves_nothing_and_goes_on_from_its_snapshot(start: Callable[..., Run]) -> None:
    def fail(build: Build) -> None:
        Work()(build)
        raise RuntimeError("no space\nleft")

    run = start()
    with pytest.raises(RuntimeError):
        answer(INGEST, fail, run, {})
    assert (stage_of(run).state, stage_of(run).reason) == ("failed", "no space left")
    assert list(run.workspace().store.artifacts()) == []
    work = Work()
    answer(INGEST, work, start(), {})
    assert work.resumed == [True]


def test_a_forced_stage_that_comes_out_the_same_is_reproduced_from_the_beginning_each_time(
    start: Callable[..., Run],
) -> None:
    work = Work()
    first = made(answer(INGEST, work, start(), {}))
    for _ in range(2):
        state = answer(INGEST, work, start(force="ingest"), {})
        assert state.name == "Reproduced"
        assert made(state) == first
    assert work.calls == 3
    assert work.resumed == [False, False, False]
    store = start().workspace().store
    assert list(store.artifacts()) == [first]
    assert unneeded(store, {("ingest", first.manifest.fingerprint)}) == []


def test_a_forced_stage_that_comes_out_otherwise_is_told_and_both_are_kept(start: Callable[..., Run]) -> None:
    first = made(answer(INGEST, Work(b"one"), start(), {}))
    run = start(force="ingest")
    state = answer(INGEST, Work(b"two"), run, {})
    assert state.name == "NotReproduced"
    assert made(state) == first
    (other,) = run.workspace().store.artifacts("ingest.forced")
    assert other.file("funnel.json").read_bytes() == b"two"
    assert first.file("funnel.json").read_bytes() == b"one"
    assert str(other.path) in stage_of(run).reason
    assert list(verify(run.workspace().store)) == []
    assert answer(INGEST, Work(), start(), {}).name == "Cached"


def test_force_concerns_the_named_stage_only(start: Callable[..., Run]) -> None:
    work = Work()
    answer(INGEST, work, start(), {})
    assert answer(INGEST, work, start(force="cluster"), {}).name == "Cached"


@pytest.mark.parametrize(
    ("value", "told"),
    [(np.float32(0.5), 0.5), (np.int64(7), 7), (float("nan"), None), ("a", "a")],
)
def test_metrics_are_what_json_can_say(value: object, told: object) -> None:
    assert plain(value) == told
    assert type(plain(value)) is type(told)
