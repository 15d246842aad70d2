"""publish: pictures and report from what the other flows made."""

from collections.abc import Mapping
from pathlib import Path

from prefect import flow

from flows.start import RUNNER, ConfigOrPath, Ended, Made, perform
from logoflow.run import Run
from logoflow.stages import STAGES
from tasks.generate import generate
from tasks.report import report


@flow(name="publish", task_runner=RUNNER)
def publish(config: ConfigOrPath, store: Path | None = None) -> Ended:
    """Draw sample sheets with the generator that was accepted, else with the configuration's, and write the report.

    Args:
        config: The experiment: path of its YAML file, or its values.
        store: Folder of the store; left out: LOGOFLOW_STORE of the worker, else ./.logoflow.
    """
    return perform(
        lambda run: publish_report(run, run.accepted() or run.upstream_of("generate", "report")), config, store
    )


def publish_report(run: Run, made: Mapping[str, Made]) -> dict[str, Made]:
    """Generate and report; the artifacts by stage."""
    samples = generate(run, made["curate"], made["train_gan"], made["train_encoder"])
    everything = {**made, "generate": samples}
    pages = report(run, *(everything[name] for name in STAGES["report"].inputs))
    return {"generate": samples, "report": pages}
