"""A status as Prometheus text, read back by the parser of Prometheus' own client and looked at by promtool."""

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from logoflow.monitor.model import Pipeline, Progress, Quality, Run, RunState, Stage, StageState, Status, StoreStatus
from logoflow.monitor.prometheus import prometheus_text

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
EVALUATE = Stage(
    name="evaluate",
    state=StageState.RUNNING,
    reason="",
    fingerprint="",
    started=NOW,
    duration_s=12.5,
    progress=Progress(done=1, total=4, what="images"),
    time_left_s=37.5,
    heartbeat_age_s=3.0,
    metrics={"frechet_small": 31.5, "passed": True, "spaces": ["small"], "r_t": None},
    metrics_before={"frechet_small": 30},
)
RUN = Run(
    id="run-7", state=RunState.RUNNING, started=NOW, ended=None, duration_s=60, time_left_s=None, heartbeat_age_s=3,
    accepted=False, message="",
)  # fmt: skip


def status_of(name: str) -> Status:
    pipeline = Pipeline(
        name=name,
        run_counts={RunState.COMPLETED: 3, RunState.RUNNING: 1},
        last_completed=NOW,
        last_run=RUN,
        plan_error=None,
        quality=Quality(quarantined_share=None, text_share=0.25, duplicate_share=None, distances={}),
        stages=[EVALUATE],
    )
    store = StoreStatus(path="/store", exists=True, bytes=4096, artifacts=2, orphans=[])
    return Status(generated=NOW, store=store, server=None, pipelines=[pipeline])


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples_of(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def value() -> Callable[..., float | None]:
    samples = samples_of(prometheus_text(status_of("nightly")))

    def of(name: str, **labels: str) -> float | None:
        return samples.get((f"logoflow_{name}", frozenset(labels.items())))

    return of


def test_runs_are_counted_and_the_last_ones_state_is_one_of_all(value: Callable[..., float | None]) -> None:
    assert value("runs", pipeline="nightly", state="completed") == 3
    assert value("runs", pipeline="nightly", state="failed") == 0
    states = {s.value: value("last_run_state", pipeline="nightly", logoflow_last_run_state=s.value) for s in RunState}
    assert {name for name, one in states.items() if one} == {"running"}
    assert None not in states.values()
    assert value("last_completed_timestamp_seconds", pipeline="nightly") == NOW.timestamp()
    assert value("last_run_heartbeat_age_seconds", pipeline="nightly") == 3
    assert value("last_run_time_left_seconds", pipeline="nightly") is None
    assert value("quality_ratio", pipeline="nightly", share="with_text") == 0.25


def test_a_stage_tells_state_progress_and_the_metrics_that_are_numbers(value: Callable[..., float | None]) -> None:
    here = {"pipeline": "nightly", "stage": "evaluate"}
    assert value("stage_state", **here, logoflow_stage_state="running") == 1
    assert value("stage_state", **here, logoflow_stage_state="up to date") == 0
    assert value("stage_progress_ratio", **here) == 0.25
    assert value("stage_duration_seconds", **here) == 12.5
    assert value("stage_metric", **here, metric="frechet_small") == 31.5
    assert value("stage_metric_before", **here, metric="frechet_small") == 30
    assert value("stage_metric", **here, metric="passed") == 1
    assert value("stage_metric", **here, metric="spaces") is None
    assert value("stage_metric", **here, metric="r_t") is None
    assert value("store_bytes") == 4096
    assert value("prefect_healthy") == 0


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_name_of_a_pipeline_comes_back_as_it_was(name: str) -> None:
    found = samples_of(prometheus_text(status_of(name)))
    assert found["logoflow_last_completed_timestamp_seconds", frozenset({("pipeline", name)})] == NOW.timestamp()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine")
def test_promtool_finds_nothing_to_complain_of() -> None:
    text = prometheus_text(status_of('a "quoted"\\ name\n'))
    found = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
