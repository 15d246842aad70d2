"""A webhook hears of runs that failed, of broken gates and of late nightlies; Prefect ends runs that fell silent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_server import ask, deployment, end_of, start, unattended
from small_pipeline import Pipeline, Server
from webhook import Receiver, receiving

from flows.automations import end_silent_runs
from logoflow.store.store import Store

SECRET = "hook-4711-secret"


@pytest.fixture(scope="module")
def hook(finished: Pipeline, deployed: Server) -> Iterator[Receiver]:
    """A webhook of which the server was told by the command, twice."""
    with receiving(f"/{SECRET}") as receiver:
        environment = {**finished.environment, "LOGOFLOW_WEBHOOK": receiver.url}
        for _ in range(2):
            told = Pipeline(finished.folder, environment).plain("notify", "--late-minutes", "0.17")
            assert told.returncode == 0, told.stderr
        assert [message["event"] for message in receiver.told].count("hello") == 2
        yield receiver


def test_the_automations_are_there_once(hook: Receiver, deployed: Server) -> None:
    names = [row["name"] for row in ask(deployed, "/automations/filter", {})]
    assert sorted(name for name in names if name.startswith("logoflow")) == [
        "logoflow: end runs that fell silent",
        "logoflow: tell of a broken gate",
        "logoflow: tell of a failed run",
        "logoflow: tell of a late nightly",
    ]


def test_a_failed_run_is_told_with_the_command_that_goes_on(
    hook: Receiver, finished: Pipeline, deployed: Server, worker: Path, tmp_path: Path
) -> None:
    values = yaml.safe_load(finished.config.read_text())
    values["ingest"]["sources"][0]["path"] = str(tmp_path / "nowhere")
    run = start(deployed, "ingest", config=values, only="ingest", store=str(tmp_path / "store"))
    state = end_of(deployed, run)
    assert (state["name"], "does not exist: check the path" in state["message"]) == ("Failed", True)
    told = hook.wait_for("a failed run", "ingest")
    assert told["text"] == f"{told['run']} of ingest failed: {state['message']}"
    assert told["text"].endswith(f"go on with `prefect flow-run retry {run}`")


def test_a_broken_gate_is_told_apart_with_the_command_that_lets_it_pass(
    hook: Receiver, finished: Pipeline, deployed: Server, worker: Path, tmp_path: Path
) -> None:
    copy = finished.copy(tmp_path / "gated")
    values = yaml.safe_load(copy.config.read_text())
    values["gates"] = [{"stage": "ingest", "metric": "quarantined", "at_most": 0}]
    values["ingest"]["sources"][0]["path"] = str(finished.logos)
    run = start(deployed, "ingest", config=values, only="ingest", store=str(copy.store))
    assert end_of(deployed, run)["name"] == "GateBroken", worker.read_text()[-3000:]
    told = hook.wait_for("a broken gate", "quarantined is 1, and at most 0 passes")
    *_, artifact = Store(copy.store).artifacts("ingest")
    assert f"`logoflow allow {artifact.short}`" in told["message"]
    assert not [message for message in hook.told if message["event"] == "a failed run" and run in message["text"]]


def test_a_late_nightly_is_told(hook: Receiver, deployed: Server) -> None:
    late = unattended(deployed, "late-night")
    due = {"type": "SCHEDULED", "state_details": {"scheduled_time": datetime.now(UTC).isoformat()}}
    run = ask(deployed, f"/deployments/{late}/create_flow_run", {"state": due})
    told = hook.wait_for("a late nightly", run["name"])
    assert told["text"].startswith(f"{run['name']} of late-night is late")


@pytest.fixture
def impatient(deployed: Server) -> Iterator[None]:
    """A server that calls a run silent after ten seconds, for a while."""
    with temporary_settings({PREFECT_API_URL: deployed.url}):
        end_silent_runs(timedelta(seconds=10))
        yield
        end_silent_runs()


def test_a_run_that_fell_silent_is_called_crashed(impatient: None, deployed: Server) -> None:
    nightly = deployment(deployed, "nightly")
    run = ask(deployed, f"/deployments/{nightly['id']}/create_flow_run", {"state": {"type": "PENDING"}})
    ask(deployed, f"/flow_runs/{run['id']}/set_state", {"state": {"type": "RUNNING"}, "force": True})
    tag = {"prefect.resource.id": "prefect.tag.logoflow", "prefect.resource.role": "tag"}
    heartbeat = {
        "id": str(uuid4()),
        "event": "prefect.flow-run.heartbeat",
        "occurred": datetime.now(UTC).isoformat(),
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run['id']}"},
        "related": [tag],
    }
    ask(deployed, "/events", [heartbeat])
    state = end_of(deployed, run["id"])
    assert (state["type"], "no sign of life for 0:00:10" in state["message"]) == ("CRASHED", True)


def test_the_address_of_the_webhook_is_nowhere_to_be_read(hook: Receiver, deployed: Server, tmp_path: Path) -> None:
    assert SECRET not in str(ask(deployed, "/block_documents/filter", {}))
    assert SECRET not in str(ask(deployed, "/automations/filter", {}))
    logs = Path(deployed.environment["PREFECT_HOME"]).glob("*.log")
    assert all(SECRET not in log.read_text() for log in logs)


def test_an_address_that_nobody_answers_is_refused_without_naming_it(finished: Pipeline) -> None:
    done = finished.plain("notify", f"http://127.0.0.1:9/{SECRET}")
    assert (done.returncode, "nothing answers there" in done.stderr) == (2, True)
    assert SECRET not in done.stdout + done.stderr
