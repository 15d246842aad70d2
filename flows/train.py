"""train: the training set into a generator and its scores."""

from collections.abc import Mapping

from prefect import flow

from flows.runners import THREADS, RunnerName
from flows.start import ConfigOrPath, Ended, perform
from logoflow.resolve import Place
from logoflow.run import Run
from tasks.evaluate import evaluate
from tasks.made import Made
from tasks.train_gan import train_gan


@flow(name="train", task_runner=THREADS)
def train(config: ConfigOrPath, store: Place | None = None, runner: RunnerName = "local") -> Ended:
    """Train a cluster-conditional generator on the training set that prepare made, and measure it.

    Args:
        config: The experiment: path of its YAML file, or its values.
        store: Folder or s3:// address of the store; left out: LOGOFLOW_STORE of the worker, else ./.logoflow.
        runner: Where units are worked on: threads of this process, or a Dask or Ray cluster.
    """
    return perform(lambda run: train_generator(run, run.upstream_of("train_gan", "evaluate")), config, store, runner)


def train_generator(run: Run, prepared: Mapping[str, Made]) -> dict[str, Made]:
    """Train and evaluate; the artifacts by stage."""
    training_set = prepared["curate"]
    generator = train_gan(run, training_set)
    scores = evaluate(run, training_set, generator)
    return {"train_gan": generator, "evaluate": scores}
