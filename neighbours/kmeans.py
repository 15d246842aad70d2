"""k-means over embeddings, with cluster numbers that mean the same from run to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin_min, silhouette_score
from threadpoolctl import threadpool_limits


@dataclass(frozen=True)
class Clustering:
    """A partition of N vectors into k clusters.

    Attributes:
        labels: cluster of each vector, int64 `[N]` in 0..k-1.
        centroids: mean of each cluster, float32 `[k, D]`.
        inertia: sum of the squared distances to the centroids.
    """

    labels: NDArray[np.int64]
    centroids: NDArray[np.float32]
    inertia: float

    def relabelled(self, names: NDArray[np.int64]) -> "Clustering":
        """The same clusters under other numbers: cluster i becomes `names[i]`, a permutation of 0..k-1."""
        return replace(self, labels=names[self.labels], centroids=self.centroids[np.argsort(names)])


def kmeans(vectors: NDArray[np.float32], k: int, restarts: int, seed: int) -> Clustering:
    """Lloyd's k-means from k-means++ starts; the largest cluster is number 0, and so on down.

    It runs on one thread: sums over threads are rounded in another order, and the result would depend on the machine.

    Args:
        vectors: `[N, D]`.
        k: number of clusters.
        restarts: starts, of which the one with the least inertia is kept.
        seed: of the starts.

    Raises:
        ValueError: there are fewer distinct vectors than clusters, or they hardly differ.
    """
    _check(vectors, k)
    with threadpool_limits(limits=1):
        fit = KMeans(k, n_init=restarts, random_state=seed, algorithm="lloyd").fit(vectors)
    labels = fit.labels_.astype(np.int64)
    found, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    if len(found) < k:  # vectors that differ by less than rounding are distinct, and fall together all the same
        raise ValueError(f"k is {k}, but k-means tells only {len(found)} clusters apart: choose a smaller k.")
    names = np.empty(k, np.int64)
    names[np.lexsort((first, -sizes))] = np.arange(k)  # largest first, ties by the smallest index in the cluster
    return Clustering(labels, fit.cluster_centers_.astype(np.float32), float(fit.inertia_)).relabelled(names)


def assign(vectors: NDArray[np.float32], centroids: NDArray[np.float32]) -> Clustering:
    """The clusters of centroids that are given: each vector belongs to the nearest.

    Args:
        vectors: `[N, D]`.
        centroids: `[k, D]`, which stay as they are; a cluster may be left empty.

    Raises:
        ValueError: the two are of different length.
    """
    if vectors.shape[1:] != centroids.shape[1:]:
        raise ValueError(
            f"the vectors have {vectors.shape[1]} numbers and the centroids {centroids.shape[-1]}: "
            "use centroids of the same encoder, with the same outlines."
        )
    with threadpool_limits(limits=1):
        labels, distances = pairwise_distances_argmin_min(vectors, centroids, metric="sqeuclidean")
    return Clustering(labels.astype(np.int64), centroids, float(distances.sum()))


def silhouettes(
    vectors: NDArray[np.float32], ks: Sequence[int], restarts: int, seed: int, sample: int = 2000
) -> dict[int, float]:
    """Mean silhouette (Rousseeuw 1987) by number of clusters, -1..1, higher is better separated.

    Args:
        vectors: `[N, D]`.
        ks: numbers of clusters, each 2 or more.
        restarts: starts of each k-means.
        seed: of the starts and of the sample.
        sample: vectors on which the silhouette is measured; the clusters are always those of all vectors.
    """
    return {k: silhouette(vectors, kmeans(vectors, k, restarts, seed).labels, seed, sample) for k in ks}


def silhouette(vectors: NDArray[np.float32], labels: NDArray[np.int64], seed: int, sample: int = 2000) -> float:
    """Mean silhouette of clusters, measured on a sample of the vectors; 0 where it is not defined."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:sample])
    if not 1 < len(set(labels[chosen])) < len(chosen):
        return 0.0
    with threadpool_limits(limits=1):
        return float(silhouette_score(vectors[chosen], labels[chosen]))


def match_clusters(clustering: Clustering, ids: Sequence[str], reference: Mapping[str, int]) -> Clustering:
    """Give each cluster the number of the reference's cluster with which it shares the most images.

    The assignment maximises the number of shared images that keep their number (Kuhn 1955). Clusters that share
    none keep their canonical order among the numbers left. Numbers of the reference beyond k do not exist any more.

    Args:
        clustering: to be renamed.
        ids: identity of each image, `[N]`.
        reference: cluster number by image id in the reference.
    """
    k = len(clustering.centroids)
    shared = np.zeros((k, k), np.int64)
    for image, label in zip(ids, clustering.labels, strict=True):
        number = reference.get(image, k)
        if number < k:
            shared[label, number] += 1
    preference = shared * (k + 1) + np.eye(k, dtype=np.int64)  # among equals, the canonical number
    _, names = linear_sum_assignment(preference, maximize=True)
    return clustering.relabelled(names.astype(np.int64))


def best_k(scores: Mapping[int, float]) -> int:
    """The number of clusters with the highest silhouette; of equals the smallest.

    Args:
        scores: silhouette by number of clusters, at least one.
    """
    return min(scores, key=lambda k: (-scores[k], k))


def count_distinct(vectors: NDArray[np.float32], enough: int) -> int:
    """How many different vectors there are among `[N, D]`, or some number of at least `enough`.

    Sorting a million vectors takes longer than clustering them, and the first few hundred nearly always suffice.
    """
    looked_at = 4 * enough
    while (distinct := len(np.unique(vectors[:looked_at], axis=0))) < enough and looked_at < len(vectors):
        looked_at *= 16
    return distinct


def _check(vectors: NDArray[np.float32], k: int) -> None:
    distinct = count_distinct(vectors, k)
    if distinct < k:
        raise ValueError(
            f"k is {k}, but there are only {distinct} distinct vectors among {len(vectors)}: choose a smaller k."
        )
