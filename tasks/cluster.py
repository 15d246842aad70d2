"""cluster: k-means over the vectors; its clusters become the generator's classes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from logoflow.config.sections import ClusterConfig
from logoflow.errors import UserError
from logoflow.run import sentence
from logoflow.store.store import Artifact, Store
from neighbours.kmeans import (
    Clustering,
    assign,
    best_k,
    count_distinct,
    kmeans,
    match_clusters,
    silhouette,
    silhouettes,
)
from neighbours.vectors import read_vectors, with_outlines
from tasks.cluster_page import cluster_page
from tasks.clusters import Clusters
from tasks.stage import Build, stage
from tasks.tables import read_labels

RESTARTS_TO_COMPARE = 2


@stage("cluster")
def cluster(build: Build, table: Artifact, embedded: Artifact) -> None:
    """Split the logos into groups that look alike."""
    config: ClusterConfig = build.config
    assert config.seed is not None
    ids, encoded, outlines = read_vectors(embedded.file("vectors.arrow"))
    vectors = with_outlines(encoded, outlines, config.outlines)
    scores = silhouettes(vectors, numbers_to_compare(config, vectors), RESTARTS_TO_COMPARE, config.seed)
    k = config.k if config.k != "auto" else best_k(scores)

    if config.centroids is None:
        found = kmeans(vectors, k, config.restarts, config.seed)
    else:
        found = sorted_by(config.centroids, vectors, k)
        scores[k] = silhouette(vectors, found.labels, config.seed)
    if config.reference is not None:
        found = match_clusters(found, ids, read_reference(build.space.store, config.reference))
    pq.write_table(pa.table({"id": ids, "label": found.labels}), build.folder / "labels.parquet", compression="zstd")
    np.save(build.folder / "centroids.npy", found.centroids)

    sizes = np.bincount(found.labels, minlength=k)
    build.metrics |= {
        "k": k,
        "silhouette": scores[k],
        "smallest": int(sizes.min()),
        "largest": int(sizes.max()),
    }
    build.page(cluster_page(build, Clusters(table, ids, vectors, found, scores)))


def sorted_by(path: Path, vectors: NDArray[np.float32], k: int) -> Clustering:
    """The clusters of the centroids in a file.

    Raises:
        UserError: they are not k, or not for such vectors.
    """
    try:
        centroids = np.load(path)
        found = assign(vectors, centroids)
    except (OSError, ValueError) as error:
        raise UserError(f"cluster.centroids is {path}: {sentence(error)}") from error
    if len(centroids) != k:
        raise UserError(f"cluster.k is {k}, but cluster.centroids has {len(centroids)}: set k to that.")
    if empty := sorted(set(range(k)) - set(found.labels.tolist())):
        raise UserError(f"no logo is nearest to number {empty[0]} of cluster.centroids: leave out cluster.centroids.")
    return found


def numbers_to_compare(config: ClusterConfig, vectors: NDArray[np.float32]) -> list[int]:
    """The numbers of clusters whose silhouettes are measured, ascending: those that there are logos enough for."""
    if len(vectors) <= config.fewest:
        raise UserError(
            f"cluster.k is {config.k}, but only {len(vectors)} logos are left: choose a smaller k, or add images."
        )
    wanted = {*config.compare, config.fewest}
    most = min(len(vectors) - 1, count_distinct(vectors, max(wanted)))
    if config.fewest > most:
        raise UserError(
            f"cluster.k is {config.k}, but the {len(vectors)} logos have only {most} different vectors: "
            "choose a smaller k, or train the encoder longer."
        )
    return sorted(k for k in wanted if k <= most)


def read_reference(store: Store, reference: str) -> dict[str, int]:
    """Cluster of each id in the artifact whose numbering is to be kept."""
    matches = [a for a in store.artifacts("cluster") if a.manifest.fingerprint.startswith(reference)]
    if not matches:
        raise UserError(
            f"cluster.reference is {reference}, but the store holds no such artifact: see `logoflow show cluster`."
        )
    return read_labels(matches[-1])
