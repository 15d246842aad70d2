"""train: the training set into a generator and its scores."""

from collections.abc import Mapping
from pathlib import Path

from prefect import flow

from flows.start import RUNNER, ConfigOrPath, Made, running
from logoflow.run import Run
from tasks.evaluate import evaluate
from tasks.train_gan import train_gan


@flow(name="train", task_runner=RUNNER)
def train(config: ConfigOrPath, store: Path | None = None) -> None:
    """Train a cluster-conditional generator on the training set that prepare made, and measure it."""
    with running(config, store) as run:
        train_generator(run, run.upstream_of("train_gan", "evaluate"))


def train_generator(run: Run, prepared: Mapping[str, Made]) -> dict[str, Made]:
    """Train and evaluate; the artifacts by stage."""
    training_set = prepared["curate"]
    generator = train_gan(run, training_set)
    scores = evaluate(run, training_set, generator)
    return {"train_gan": generator, "evaluate": scores}
