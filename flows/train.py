"""train: the training set into a generator and its scores."""

from collections.abc import Mapping
from pathlib import Path

from prefect import flow

from flows.start import RUNNER, ConfigOrPath, Ended, Made, perform
from logoflow.run import Run
from tasks.evaluate import evaluate
from tasks.train_gan import train_gan


@flow(name="train", task_runner=RUNNER)
def train(config: ConfigOrPath, store: Path | None = None) -> Ended:
    """Train a cluster-conditional generator on the training set that prepare made, and measure it.

    Args:
        config: The experiment: path of its YAML file, or its values.
        store: Folder of the store; left out: LOGOFLOW_STORE of the worker, else ./.logoflow.
    """
    return perform(lambda run: train_generator(run, run.upstream_of("train_gan", "evaluate")), config, store)


def train_generator(run: Run, prepared: Mapping[str, Made]) -> dict[str, Made]:
    """Train and evaluate; the artifacts by stage."""
    training_set = prepared["curate"]
    generator = train_gan(run, training_set)
    scores = evaluate(run, training_set, generator)
    return {"train_gan": generator, "evaluate": scores}
