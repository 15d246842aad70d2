"""cluster: k-means over the vectors; its clusters become the generator's classes."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from logoflow.config.sections import ClusterConfig
from logoflow.errors import UserError
from logoflow.report.page import Curve, Page, Series, Table
from logoflow.store.store import Artifact, Store
from neighbours.kmeans import Clustering, kmeans, match_clusters, silhouettes
from neighbours.vectors import read_vectors
from tasks.images import load_pictures, shard_of_each
from tasks.sheets import save_sheet
from tasks.stage import Build, stage
from tasks.tables import read_labels

SHOWN = 36

Vectors = NDArray[np.float32]


@stage("cluster")
def cluster(build: Build, table: Artifact, embedded: Artifact) -> None:
    """Split the logos into groups that look alike."""
    config: ClusterConfig = build.config
    assert config.seed is not None
    ids, vectors = read_vectors(embedded.file("vectors.parquet"))
    if len(ids) <= config.k:
        raise UserError(
            f"cluster.k is {config.k}, but only {len(ids)} logos are left: choose a smaller k, or add images."
        )
    found = kmeans(vectors, config.k, config.restarts, config.seed)
    if config.reference is not None:
        found = match_clusters(found, ids, read_reference(build.space.store, config.reference))
    pq.write_table(pa.table({"id": ids, "label": found.labels}), build.folder / "labels.parquet", compression="zstd")
    np.save(build.folder / "centroids.npy", found.centroids)

    ks = sorted(k for k in {*config.compare, config.k} if k < len(ids))
    scores = silhouettes(vectors, ks, restarts=2, seed=config.seed)
    sizes = np.bincount(found.labels, minlength=config.k)
    build.metrics |= {
        "k": config.k,
        "silhouette": scores[config.k],
        "smallest": int(sizes.min()),
        "largest": int(sizes.max()),
    }
    build.page(cluster_page(build, table, ids, vectors, found, scores))


def read_reference(store: Store, reference: str) -> dict[str, int]:
    """Cluster of each id in the artifact whose numbering is to be kept."""
    matches = [a for a in store.artifacts("cluster") if a.manifest.fingerprint.startswith(reference)]
    if not matches:
        raise UserError(
            f"cluster.reference is {reference}, but the store holds no such artifact: see `logoflow show cluster`."
        )
    return read_labels(matches[-1])


def cluster_page(
    build: Build, table: Artifact, ids: Sequence[str], vectors: Vectors, found: Clustering, scores: dict[int, float]
) -> Page:
    """The most central logos of each cluster, its size, and how well other numbers of clusters would do."""
    sizes = np.bincount(found.labels, minlength=len(found.centroids))
    distances = np.linalg.norm(vectors - found.centroids[found.labels], axis=1)
    where = shard_of_each(table)
    pictures = []
    for number, size in enumerate(sizes):
        members = np.flatnonzero(found.labels == number)
        central = members[np.argsort(distances[members], kind="stable")][:SHOWN]
        images = load_pictures(build.space.store, [(ids[i], where[ids[i]]) for i in central])
        title = f"Cluster {number}: {size} logos"
        pictures.append(save_sheet(build, f"cluster-{number:02}.png", title, images, caption="The most central first."))
    silhouette = Curve(
        "Separation by number of clusters",
        "clusters",
        "mean silhouette",
        (Series("silhouette", tuple(map(float, scores)), tuple(scores.values())),),
    )
    spread = [float(distances[found.labels == number].mean()) for number in range(len(sizes))]
    rows = tuple((number, int(size), round(spread[number], 3)) for number, size in enumerate(sizes))
    sheet = Table("Clusters", ("cluster", "logos", "mean distance to the centre"), rows)
    summary = f"{len(found.labels)} logos in {len(sizes)} clusters of {sizes.min()} to {sizes.max()}."
    return Page(summary, tuple(pictures), (silhouette,), (sheet,))
