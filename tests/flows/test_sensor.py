"""The sensor starts a run when something changed, once for each change, and says what it found."""

from pathlib import Path
from typing import Any

from prefect.client.schemas import State
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_LEVEL, temporary_settings
from prefect_server import ask, unattended
from small_pipeline import LOGOS, Pipeline, Server, write_logos

from flows.sensor import sensor


def look(pipeline: Pipeline, server: Server) -> State[None]:
    """Run the sensor as its deployment does."""
    with temporary_settings({PREFECT_API_URL: server.url, PREFECT_LOGGING_LEVEL: "CRITICAL"}):
        return sensor(str(pipeline.config), pipeline.store, "pipeline/watched", return_state=True)


def test_a_run_is_started_when_an_image_came_and_not_before(
    finished: Pipeline, deployed: Server, tmp_path: Path
) -> None:
    pipeline = finished.copy(tmp_path / "watched")
    watched = unattended(deployed, "watched")

    def runs() -> list[dict[str, Any]]:
        found = ask(deployed, "/flow_runs/filter", {"flow_runs": {"deployment_id": {"any_": [watched]}}})
        return sorted(found, key=lambda run: str(run["created"]))

    state = look(pipeline, deployed)
    assert (state.name, state.message) == ("Unchanged", "All stages are up to date.")
    assert runs() == []

    write_logos(pipeline.logos, LOGOS, 1)
    state = look(pipeline, deployed)
    (started,) = runs()
    assert state.name == "Started"
    assert state.message == f"ingest: logos: +1 images. Started pipeline/watched as {started['name']}."
    assert started["parameters"] == {"config": str(pipeline.config), "store": str(pipeline.store)}
    assert started["state_type"] == "SCHEDULED"

    state = look(pipeline, deployed)
    assert state.name == "KnownAlready"
    assert state.message is not None
    assert state.message.startswith(f"ingest: logos: +1 images. Run {started['name']} was started for it: ")
    assert len(runs()) == 1

    write_logos(pipeline.logos, LOGOS + 1, 1)
    assert look(pipeline, deployed).name == "Started"
    assert len(runs()) == 2
