"""The sensor starts a run when something changed, once for each change, and says what it found."""

from pathlib import Path

from prefect.client.schemas import State
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_LEVEL, temporary_settings
from prefect_server import ask, deployment
from small_pipeline import LOGOS, Pipeline, Server, write_logos


def look(pipeline: Pipeline, server: Server) -> State[None]:
    """Run the sensor as its deployment does."""
    from flows.sensor import sensor

    with temporary_settings({PREFECT_API_URL: server.url, PREFECT_LOGGING_LEVEL: "CRITICAL"}):
        return sensor(str(pipeline.config), pipeline.store, return_state=True)


def runs_of(pipeline: Pipeline, server: Server) -> list[dict[str, str]]:
    """What was started for a pipeline."""
    asked = {"flow_runs": {"deployment_id": {"any_": [deployment(server, "on-demand")["id"]]}}}
    found = ask(server, "/flow_runs/filter", asked)
    return [row for row in found if row["parameters"].get("config") == str(pipeline.config)]


def test_a_run_is_started_when_an_image_came_and_not_before(
    finished: Pipeline, deployed: Server, tmp_path: Path
) -> None:
    pipeline = finished.copy(tmp_path / "watched")
    pipeline.run()  # the sources lie elsewhere now: nothing else is new
    state = look(pipeline, deployed)
    assert (state.name, state.message) == ("Unchanged", "All stages are up to date.")
    assert runs_of(pipeline, deployed) == []

    write_logos(pipeline.logos, LOGOS, 1)
    state = look(pipeline, deployed)
    (started,) = runs_of(pipeline, deployed)
    assert state.name == "Started"
    assert state.message == f"ingest: logos: +1 images. Started pipeline/on-demand as {started['name']}."
    assert (started["parameters"]["store"], started["state_type"]) == (str(pipeline.store), "SCHEDULED")

    state = look(pipeline, deployed)
    assert state.name == "KnownAlready"
    assert state.message == f"ingest: logos: +1 images. Run {started['name']} was started for it: Scheduled."
    assert len(runs_of(pipeline, deployed)) == 1

    write_logos(pipeline.logos, LOGOS + 1, 1)
    assert look(pipeline, deployed).name == "Started"
    assert len(runs_of(pipeline, deployed)) == 2
