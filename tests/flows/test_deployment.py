"""prefect.yaml deploys offline, its forms explain and limit every setting, and a worker runs what it deploys."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect_server import ask, deployment, end_of, prefect, start, task_states
from small_pipeline import Pipeline, Server

from logoflow.stages import STAGES
from logoflow.store.store import Store

FLOWS = {"nightly", "on-demand", "on-new-data", "prepare", "train", "publish"}


def test_each_flow_and_each_stage_is_deployed(deployed: Server) -> None:
    found = {row["name"]: row for row in ask(deployed, "/deployments/filter", {})}
    assert set(found) == FLOWS | {name.replace("_", "-") for name in STAGES}
    crons = {name: [schedule["schedule"]["cron"] for schedule in row["schedules"]] for name, row in found.items()}
    assert {name: cron for name, cron in crons.items() if cron} == {
        "nightly": ["0 2 * * *"], "on-new-data": ["*/10 * * * *"],
    }  # fmt: skip
    assert {row["parameters"].get("only") for row in found.values()} == {None, *STAGES}
    assert {row["global_concurrency_limit"]["limit"] for row in found.values()} == {1}
    assert all("logoflow" in row["tags"] for row in found.values())


@pytest.mark.parametrize("name", ["on-demand", "on-new-data", "prepare"])
def test_the_form_explains_every_setting_and_limits_every_number(deployed: Server, name: str) -> None:
    schema = deployment(deployed, name)["parameter_openapi_schema"]
    definitions = schema["definitions"]
    settings = dict(fields_of("", schema))
    for model, definition in definitions.items():
        settings |= dict(fields_of(model, definition))
    assert len(settings) > 100
    unexplained = [
        place
        for place, field in settings.items()
        if not field.get("description") and not definitions.get(named(field), {}).get("description")
    ]
    assert unexplained == []
    free = {("Gate", "at_least"), ("Gate", "at_most")}  # limits on any metric
    unlimited = [
        place for place, field in settings.items() if place not in free and not all(map(limited, kinds(field)))
    ]
    assert unlimited == []


def fields_of(model: str, definition: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """The settings of a model, by model and name."""
    for name, field in definition.get("properties", {}).items():
        yield (model, name), field


def named(field: dict[str, Any]) -> str:
    """The model that a setting is one of."""
    return str(field.get("$ref", "")).rpartition("/")[2]


def kinds(field: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a setting may be: itself, its alternatives, and the items of a list, where they are numbers."""
    if field.get("type") in ("integer", "number"):
        yield field
    parts = [*field.get("anyOf", []), *field.get("prefixItems", []), field.get("items")]
    for part in parts:
        if isinstance(part, dict):
            yield from kinds(part)


def limited(number: dict[str, Any]) -> bool:
    """Whether not every number goes."""
    return bool({"minimum", "exclusiveMinimum", "enum", "const"} & set(number))


@pytest.mark.parametrize(
    "wrong",
    [
        {"config": {"cluster": {"k": 1}}},
        {"config": {"cluster": {"kk": 10}}},
        {"config": {"train_gan": {"timeout_s": 0}}},
        {"config": "configs/demo"},
        {"only": "clusters"},
    ],
    ids=json.dumps,
)
def test_a_wrong_parameter_is_refused_before_there_is_a_run(
    deployed: Server, finished: Pipeline, wrong: dict[str, Any]
) -> None:
    values = yaml.safe_load(finished.config.read_text())
    if isinstance(changes := wrong.get("config"), dict):
        wrong = {"config": {**values, **{name: {**values[name], **keys} for name, keys in changes.items()}}}
    before = ask(deployed, "/flow_runs/count", {})
    with pytest.raises(httpx.HTTPStatusError) as refused:
        start(deployed, "on-demand", **{"config": values, **wrong})
    assert refused.value.response.status_code == 409
    assert ask(deployed, "/flow_runs/count", {}) == before


def test_a_worker_runs_a_deployment(finished: Pipeline, worker: Path, deployed: Server, tmp_path: Path) -> None:
    values = yaml.safe_load(finished.config.read_text())
    run = start(deployed, "ingest", config=values, only="ingest", store=str(tmp_path / "store"))
    assert end_of(deployed, run)["type"] == "COMPLETED", worker.read_text()[-3000:]
    (made,) = Store(tmp_path / "store").artifacts("ingest")
    (same,) = Store(finished.store).artifacts("ingest")
    assert made.content == same.content
    told = task_states(deployed, run)["ingest"]
    assert told["name"] == "Built"
    assert told["message"].endswith("never ran")


def test_a_stage_is_built_again_through_a_deployment(
    finished: Pipeline, worker: Path, deployed: Server, tmp_path: Path
) -> None:
    again = finished.copy(tmp_path / "again")
    run = start(deployed, "on-demand", config=str(again.config), force="cluster", store=str(again.store))
    assert end_of(deployed, run)["type"] == "COMPLETED", worker.read_text()[-3000:]
    states = {name: state["name"] for name, state in task_states(deployed, run).items()}
    assert states.pop("cluster") == "Reproduced"
    assert set(states.values()) == {"Cached"}


def test_a_failed_run_is_retried_by_the_command_that_it_names(
    finished: Pipeline, worker: Path, deployed: Server, tmp_path: Path
) -> None:
    late = finished.copy(tmp_path / "late")
    late.logos.rename(tmp_path / "logos")
    run = start(deployed, "on-demand", config=str(late.config), store=str(late.store))
    failed = end_of(deployed, run)
    assert failed["type"] == "FAILED", worker.read_text()[-3000:]
    assert str(late.logos) in failed["message"]
    assert f"go on with `prefect flow-run retry {run}`" in failed["message"]
    (tmp_path / "logos").rename(late.logos)
    prefect(deployed, "flow-run", "retry", run)
    end = time.monotonic() + 240
    while ask(deployed, f"/flow_runs/{run}")["state"]["type"] != "COMPLETED":
        assert time.monotonic() < end, worker.read_text()[-3000:]
        time.sleep(0.5)
