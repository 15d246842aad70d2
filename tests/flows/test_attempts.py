"""A stage is tried as often and for as long as the configuration says, against a real server."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_LEVEL, temporary_settings
from small_pipeline import Server

from logoflow.config.load import check_config
from logoflow.errors import UserError
from logoflow.report.page import Page
from logoflow.run import Run
from logoflow.stages import STAGES
from logoflow.status import read_runs
from tasks.stage import Build, stage
from tasks.time_limit import TookTooLong

Begin = Callable[..., Run]


@pytest.fixture(autouse=True)
def _known_server(server: Server) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: server.url, PREFECT_LOGGING_LEVEL: "CRITICAL"}):
        yield


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """A run over one file, with settings of ingest."""
    (tmp_path / "logos").mkdir()
    (tmp_path / "logos" / "a.png").write_bytes(b"a")

    def start(**settings: Any) -> Run:
        sources = [{"name": "logos", "path": str(tmp_path / "logos")}]
        return Run(check_config({"name": "small", "ingest": {"sources": sources, **settings}}), tmp_path / "store")

    return start


class Work:
    """A build of ingest that fails so many times, and counts how often it was asked."""

    def __init__(self, error: Exception, failures: int) -> None:
        self.error = error
        self.failures = failures
        self.calls = 0

    def __call__(self, build: Build) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        for name in STAGES["ingest"].data:
            (build.folder / name).write_bytes(b"data")
        build.page(Page("Done."))


def attempt(work: Callable[[Build], None], run: Run) -> str | None:
    """Run the stage in a flow; the name of the state that it ended in."""
    ingest = stage("ingest")(work)

    @flow
    def alone() -> str | None:
        return ingest(run).name

    return alone()


def test_an_error_that_may_pass_is_tried_again(begin: Begin) -> None:
    work = Work(OSError("the disk is away"), failures=2)
    assert attempt(work, begin(retries=2, retry_delay_s=0)) == "Built"
    assert work.calls == 3


def test_it_is_tried_no_more_often_than_that(begin: Begin) -> None:
    work = Work(OSError("the disk is away"), failures=3)
    with pytest.raises(OSError, match="the disk is away"):
        attempt(work, begin(retries=2, retry_delay_s=0))
    assert work.calls == 3


def test_what_only_a_person_can_mend_is_not_tried_again(begin: Begin) -> None:
    work = Work(UserError("there is no such folder: check the path."), failures=3)
    with pytest.raises(UserError, match="check the path"):
        attempt(work, begin(retries=2, retry_delay_s=0))
    assert work.calls == 1


def test_a_stage_that_takes_too_long_is_ended_with_a_sentence(begin: Begin) -> None:
    run = begin(timeout_s=0.2)
    with pytest.raises(TookTooLong, match=r"ingest took longer than the 0.2 s of ingest.timeout_s: allow it more"):
        attempt(lambda build: time.sleep(60), run)
    ended = read_runs(run.ledger)[0].stages["ingest"]
    assert (ended.state, ended.reason.partition(" of ")[0]) == ("failed", "ingest took longer than the 0.2 s")
    assert list(run.workspace().store.artifacts()) == []
