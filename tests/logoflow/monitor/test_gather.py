"""A status of a real store: from the ledger, the store and the plan, with every server down."""

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from logoflow.config.load import check_config
from logoflow.machine import process_birth
from logoflow.monitor import model
from logoflow.monitor.gather import Observer
from logoflow.monitor.model import Stage, Status
from logoflow.resolve import Workspace
from logoflow.stages import STAGES
from logoflow.store.ledger import Event, Kind
from logoflow.store.lock import exclusive

DOCS = Path(__file__).parents[3] / "docs"
HERE = {"pid": os.getpid(), "born": process_birth(os.getpid()), "host": {"name": socket.gethostname()}}
TOLD = {"reason": "never ran", "fingerprint": "f" * 64, "parts": {}}


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


@pytest.fixture
def look(space: Workspace) -> Callable[[], Status]:
    """A status from scratch, as the command makes it."""
    return lambda: Observer(space.store.root).status()


@pytest.fixture
def tell(space: Workspace) -> Callable[..., None]:
    def append(run: str, ago_s: float, kind: Kind, stage: str = "", /, **data: Any) -> None:
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        space.ledger.append(Event(run, "rehearsal", kind, stage, data, at))

    return append


def stages_of(status: Status, pipeline: int = 0) -> dict[str, Stage]:
    return {stage.name: stage for stage in status.pipelines[pipeline].stages}


def states_of(status: Status) -> dict[str, str]:
    return {name: stage.state.value for name, stage in stages_of(status).items()}


def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    status = Observer(tmp_path / "none").status()
    assert (status.pipelines, status.server, status.store.exists, status.store.bytes) == ([], None, False, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_made_meanwhile_is_seen(tmp_path: Path) -> None:
    observer = Observer(tmp_path / "store")
    assert observer.runs(5) == []
    Workspace.open(tmp_path / "store").ledger.append(Event("run", "demo", Kind.RUN_STARTED, data=HERE))
    assert [(run.id, run.state) for run in observer.runs(5)] == [("run", "running")]


def test_what_was_built_and_found_stays_so_while_it_is_up_to_date(
    look: Callable[[], Status], rehearse: Any, values: dict[str, Any]
) -> None:
    rehearse(check_config(values))
    assert set(states_of(look()).values()) == {"built"}
    made = rehearse(check_config({**values, "cluster": {"k": 12}}))
    status = look()
    rebuilt = {name for name, state in states_of(status).items() if state == "built"}
    assert "cluster" in rebuilt
    assert states_of(status)["embed"] == "cached"
    assert {name: s.fingerprint for name, s in stages_of(status).items()} == {
        name: artifact.manifest.fingerprint for name, artifact in made.items()
    }
    pipeline = status.pipelines[0]
    assert (pipeline.name, pipeline.last_run.id, pipeline.last_run.state) == ("rehearsal", "run-2", "completed")
    assert (pipeline.run_counts, pipeline.plan_error) == ({"completed": 2}, None)
    assert pipeline.last_completed == pipeline.last_run.ended


def test_a_changed_source_makes_ingest_stale_and_what_rests_on_it(
    look: Callable[[], Status], rehearse: Any, values: dict[str, Any], tmp_path: Path
) -> None:
    rehearse(check_config(values))
    (tmp_path / "logos" / "new.png").write_bytes(b"one more")
    status = look()
    assert set(states_of(status).values()) == {"stale"}
    assert "logos" in stages_of(status)["ingest"].reason
    assert stages_of(status)["detect_text"].reason == "waits for ingest"


def test_an_artifact_that_is_gone_is_missing(look: Callable[[], Status], rehearse: Any, values: dict[str, Any]) -> None:
    made = rehearse(check_config(values))
    shutil.rmtree(made["report"].path)
    states = states_of(look())
    assert states.pop("report") == "missing"
    assert set(states.values()) == {"built"}


def test_stages_that_the_last_run_did_not_come_to_are_up_to_date_or_missing(
    look: Callable[[], Status], rehearse: Any, values: dict[str, Any]
) -> None:
    rehearse(check_config(values), until="embed")
    assert [states_of(look())[name] for name in ("embed", "cluster", "report")] == ["built", "missing", "missing"]
    rehearse(check_config(values))
    rehearse(check_config(values), until="ingest")
    states = states_of(look())
    assert states.pop("ingest") == "cached"
    assert set(states.values()) == {"up to date"}


def test_where_a_source_is_out_of_reach_the_status_says_so_and_goes_on(
    look: Callable[[], Status], rehearse: Any, values: dict[str, Any], tmp_path: Path
) -> None:
    rehearse(check_config(values))
    rehearse(check_config(values), until="ingest")
    (tmp_path / "logos").rename(tmp_path / "elsewhere")
    status = look()
    assert "logos" in (status.pipelines[0].plan_error or "")
    states = states_of(status)
    assert states.pop("ingest") == "cached"
    assert set(states.values()) == {"unknown"}


def test_a_run_that_goes_on_tells_progress_time_left_and_signs_of_life(
    look: Callable[[], Status], tell: Callable[..., None]
) -> None:
    tell("run", 100, Kind.RUN_STARTED, **HERE)
    tell("run", 100, Kind.STAGE_STARTED, "ingest", **TOLD)
    for done in range(5):
        tell("run", 50 - 10 * done, Kind.PROGRESS, "ingest", done=100 * done, total=1000, what="images")
    tell("run", 20, Kind.HEARTBEAT, "ingest", pid=1)
    status = look()
    ingest, run = stages_of(status)["ingest"], status.pipelines[0].last_run
    assert (ingest.state, ingest.progress) == ("running", model.Progress(done=400, total=1000, what="images"))
    assert ingest.time_left_s == pytest.approx(600 / 10 - 10, abs=2)  # ten a second, told ten seconds ago
    assert ingest.duration_s == pytest.approx(100, abs=2)
    assert ingest.heartbeat_age_s == run.heartbeat_age_s == pytest.approx(20, abs=2)
    assert (run.state, run.ended, run.time_left_s) == ("running", None, None)  # nothing is known of what waits
    assert {state for name, state in states_of(status).items() if name != "ingest"} == {"waiting"}


def test_without_progress_the_time_left_is_what_the_last_run_took(
    look: Callable[[], Status], rehearse: Any, values: dict[str, Any], tell: Callable[..., None]
) -> None:
    rehearse(check_config(values))  # 1.5 s for each stage
    tell("run", 1, Kind.RUN_STARTED, **HERE)
    tell("run", 1, Kind.STAGE_STARTED, "ingest", **TOLD)
    status = look()
    left = stages_of(status)["ingest"].time_left_s
    assert left is not None
    assert 0 <= left <= 0.5
    assert status.pipelines[0].last_run.time_left_s == pytest.approx(left + 1.5 * (len(STAGES) - 1))


def test_quality_is_computed_from_the_metrics_and_compared_with_the_artifact_before(
    look: Callable[[], Status], tell: Callable[..., None]
) -> None:
    measured: dict[str, dict[str, Any]] = {
        "ingest": {"offered": 200, "quarantined": 10},
        "detect_text": {"images": 190, "with_text": 19},
        "embed": {"images": 171},
        "deduplicate": {"duplicates": 57, "groups": 40},
        "evaluate": {"frechet_small": 31.5, "kernel_small": -0.001, "coverage_small": 0.5, "kernel_other": None},
    }
    for run, frechet in (("one", 30.0), ("two", 31.5), ("three", 31.5)):  # the third finds that of the second
        tell(run, 10, Kind.RUN_STARTED, config={}, **HERE)
        for stage, metrics in measured.items():
            told = {**metrics, "frechet_small": frechet} if stage == "evaluate" else metrics
            tell(run, 9, Kind.STAGE_CACHED, stage, metrics=told, reason="", fingerprint=f"{frechet}", parts={})
        tell(run, 8, Kind.RUN_ENDED, state="completed")
    status = look()
    quality = status.pipelines[0].quality
    assert (quality.quarantined_share, quality.text_share) == (0.05, 0.1)
    assert quality.duplicate_share == pytest.approx(1 / 3)
    assert quality.distances == {"frechet_small": 31.5, "kernel_small": -0.001}
    assert stages_of(status)["evaluate"].metrics_before["frechet_small"] == 30.0


def test_the_store_is_measured_and_what_nobody_holds_is_an_orphan(look: Callable[[], Status], space: Workspace) -> None:
    for name in ("train_gan-held", "train_gan-lost"):
        (space.store.root / ".work" / name).mkdir(parents=True)
        (space.store.root / ".work" / name / "snapshot").write_bytes(b"x" * 1000)
    with exclusive(space.store.lock_path("train_gan", "held")):
        store = look().store
    assert [(orphan.path, orphan.bytes) for orphan in store.orphans] == [(".work/train_gan-lost", 1000)]
    assert store.bytes == sum(path.stat().st_size for path in space.store.root.rglob("*") if path.is_file())
    assert store.artifacts == 0


def test_a_store_is_not_changed_by_looking(look: Callable[[], Status], rehearse: Any, values: dict[str, Any]) -> None:
    rehearse(check_config(values))
    root = Path(look().store.path)

    def prints() -> dict[str, str]:
        kept = (p for p in root.rglob("*") if p.is_file() and not p.name.startswith((".memo", ".ledger")))
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}

    before = prints()
    look()
    assert prints() == before


def test_the_written_schema_is_that_of_the_code_and_fits_what_is_told(
    look: Callable[[], Status], rehearse: Any, values: dict[str, Any], tell: Callable[..., None]
) -> None:
    schema = json.loads((DOCS / "status.schema.json").read_text())
    assert schema == Status.model_json_schema(mode="serialization"), "write it anew: see logoflow/monitor/model.py"
    rehearse(check_config(values))
    tell("run", 100, Kind.RUN_STARTED, **HERE)
    tell("run", 100, Kind.STAGE_STARTED, "ingest", **TOLD)
    tell("run", 10, Kind.PROGRESS, "ingest", done=1, total=10, what="images")
    told = json.loads(look().model_dump_json())
    jsonschema.validate(told, schema, format_checker=jsonschema.FormatChecker())
    told["pipelines"][0]["stages"][0]["state"] = "asleep"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, schema)


def test_every_field_is_documented() -> None:
    text = (DOCS / "status.md").read_text()
    schema = json.loads((DOCS / "status.schema.json").read_text())
    fields = [*schema["properties"], *(f for part in schema["$defs"].values() for f in part.get("properties", {}))]
    assert [name for name in fields if f"`{name}`" not in text] == []
