"""pipeline: prepare, train and publish as one flow run; or a single stage of them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, TypeAlias

from prefect import flow
from prefect.tasks import Task
from pydantic import Field

from flows.prepare import prepare_training_set
from flows.publish import publish_report
from flows.runners import THREADS, RunnerName
from flows.start import ConfigOrPath, Ended, perform
from flows.train import train_generator
from logoflow.resolve import Place
from logoflow.run import Run
from logoflow.stages import STAGES, chosen_stages
from tasks import (
    cluster,
    curate,
    deduplicate,
    detect_text,
    embed,
    evaluate,
    generate,
    ingest,
    report,
    train_encoder,
    train_gan,
)
from tasks.made import Answer, Made

StageName: TypeAlias = Annotated[str, Field(json_schema_extra={"enum": list(STAGES)})]

TASKS: dict[str, Task[..., Answer]] = {
    task.name: task
    for task in (
        ingest.ingest,
        detect_text.detect_text,
        train_encoder.train_encoder,
        embed.embed,
        cluster.cluster,
        deduplicate.deduplicate,
        curate.curate,
        train_gan.train_gan,
        evaluate.evaluate,
        generate.generate,
        report.report,
    )
}


@flow(name="pipeline", task_runner=THREADS)
def pipeline(
    config: ConfigOrPath,
    store: Place | None = None,
    only: StageName | None = None,
    start: StageName | None = None,
    end: StageName | None = None,
    force: StageName | None = None,
    runner: RunnerName = "local",
) -> Ended:
    """Turn raw logos into a training set, a generator and a report.

    Args:
        config: The experiment: path of its YAML file, or its values.
        store: Folder or s3:// address of the store; left out: LOGOFLOW_STORE of the worker, else ./.logoflow.
        only: Run this stage alone; what it rests on must be up to date.
        start: Run from this stage on; what it rests on must be up to date.
        end: Run up to this stage, and nothing that it does not rest on.
        force: Build this stage again and compare, although it is up to date.
        runner: Where units are worked on: threads of this process, or a Dask or Ray cluster.
    """

    def work(run: Run) -> None:
        chosen = chosen_stages(only, start, end, force)
        if start is not None:
            run.upstream_of(start)  # refuses stale ones; the tasks below then answer from the store
        if only is not None:
            run_chosen(run, chosen, run.upstream_of(only))
        elif end is not None:
            run_chosen(run, chosen, {})
        else:
            run_all(run)

    return perform(work, config, store, runner, force)


def run_all(run: Run) -> None:
    """Run every stage."""
    prepared = prepare_training_set(run)
    trained = train_generator(run, prepared)
    publish_report(run, prepared | trained)


def run_chosen(run: Run, names: Iterable[str], made: Mapping[str, Made]) -> None:
    """Run stages in their order, on one another and on what is made already."""
    known = dict(made)
    for name in names:
        known[name] = TASKS[name](run, *(known[given] for given in STAGES[name].inputs))
