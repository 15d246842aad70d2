"""prepare: raw logo sources into a clean, clustered, deduplicated training set."""

from prefect import flow

from flows.runners import THREADS, RunnerName
from flows.start import ConfigOrPath, Ended, perform
from logoflow.resolve import Place
from logoflow.run import Run
from tasks.cluster import cluster
from tasks.curate import curate
from tasks.deduplicate import deduplicate
from tasks.detect_text import detect_text
from tasks.embed import embed
from tasks.ingest import ingest
from tasks.made import Made
from tasks.train_encoder import train_encoder


@flow(name="prepare", task_runner=THREADS)
def prepare(config: ConfigOrPath, store: Place | None = None, runner: RunnerName = "local") -> Ended:
    """Turn raw logo sources into a clean, clustered, deduplicated training set.

    Args:
        config: The experiment: path of its YAML file, or its values.
        store: Folder or s3:// address of the store; left out: LOGOFLOW_STORE of the worker, else ./.logoflow.
        runner: Where units are worked on: threads of this process, or a Dask or Ray cluster.
    """
    return perform(prepare_training_set, config, store, runner)


def prepare_training_set(run: Run) -> dict[str, Made]:
    """The stages from ingest to curate, in order; their artifacts by stage."""
    images = ingest(run)
    text = detect_text(run, images)
    encoder = train_encoder(run, images, text)
    vectors = embed(run, images, text, encoder)
    clusters = cluster(run, images, vectors)
    duplicates = deduplicate(run, images, vectors, encoder)
    training_set = curate(run, images, vectors, clusters, duplicates)
    return {
        "ingest": images,
        "detect_text": text,
        "train_encoder": encoder,
        "embed": vectors,
        "cluster": clusters,
        "deduplicate": duplicates,
        "curate": training_set,
    }
