"""publish: pictures and report from what the other flows made."""

from collections.abc import Mapping

from prefect import flow

from flows.runners import THREADS, RunnerName
from flows.start import ConfigOrPath, Ended, perform
from logoflow.resolve import Place
from logoflow.run import Run
from logoflow.stages import STAGES
from tasks.generate import generate
from tasks.made import Made
from tasks.report import report


@flow(name="publish", task_runner=THREADS)
def publish(config: ConfigOrPath, store: Place | None = None, runner: RunnerName = "local") -> Ended:
    """Draw sample sheets with the generator that was accepted, else with the configuration's, and write the report.

    Args:
        config: The experiment: path of its YAML file, or its values.
        store: Folder or s3:// address of the store; left out: LOGOFLOW_STORE of the worker, else ./.logoflow.
        runner: Where units are worked on: threads of this process, or a Dask or Ray cluster.
    """
    return perform(
        lambda run: publish_report(run, run.accepted() or run.upstream_of("generate", "report")), config, store, runner
    )


def publish_report(run: Run, made: Mapping[str, Made]) -> dict[str, Made]:
    """Generate and report; the artifacts by stage."""
    samples = generate(run, made["curate"], made["train_gan"], made["train_encoder"])
    everything = {**made, "generate": samples}
    pages = report(run, *(everything[name] for name in STAGES["report"].inputs))
    return {"generate": samples, "report": pages}
