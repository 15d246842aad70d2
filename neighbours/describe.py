"""What a cluster is like: how closely its vectors lie together, how far the others are, who is central and who not."""

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096  # vectors whose distances to a sample are held at a time


def centrality(vectors: NDArray[np.float32], labels: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Cosine of each vector with the mean of its cluster, -1..1.

    Args:
        vectors: unit vectors `[N, D]`.
        labels: cluster of each, `[N]` in 0..k-1.
        k: number of clusters.

    Returns:
        `[N]`; 0 where the mean of a cluster is the zero vector, which has no direction.
    """
    means = np.stack([vectors[labels == number].sum(axis=0, dtype=np.float64) for number in range(k)])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    directions = np.divide(means, lengths, out=np.zeros_like(means), where=lengths > 1e-9)
    cosines = np.empty(len(vectors))
    for number in range(k):
        cosines[labels == number] = vectors[labels == number] @ directions[number]
    return cosines


def mean_by_cluster(values: NDArray[np.float64], labels: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Mean of the values `[N]` over each cluster, `[k]`; NaN for a cluster without any."""
    sizes = np.bincount(labels, minlength=k)
    sums = np.bincount(labels, values, minlength=k)
    means: NDArray[np.float64] = np.divide(sums, sizes, out=np.full(k, np.nan), where=sizes > 0)
    return means


def cluster_silhouettes(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], k: int, seed: int, sample: int = 200
) -> NDArray[np.float64]:
    """Mean silhouette (Rousseeuw 1987) of each cluster, -1..1; below 0 its vectors are nearer to another cluster.

    The silhouettes of a sample of each cluster are averaged, each of them exact: measured against all N vectors.

    Args:
        vectors: unit vectors `[N, D]`.
        labels: cluster of each, `[N]` in 0..k-1.
        k: number of clusters, 2 or more.
        seed: of the sample.
        sample: vectors of each cluster that are measured.

    Returns:
        `[k]`; 0 for a cluster of one vector, as Rousseeuw defines it, NaN for an empty one.
    """
    chosen = balanced_sample(labels, k * sample, seed, most=sample)
    sums = np.zeros((len(chosen), k))
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        distances = np.sqrt(np.maximum(2 - 2 * (vectors[chosen] @ block.T), 0))
        member = np.zeros((len(block), k), np.float32)
        member[np.arange(len(block)), labels[start : start + BLOCK]] = 1
        sums += distances @ member

    sizes = np.bincount(labels, minlength=k)
    own = labels[chosen]
    rows = np.arange(len(chosen))
    means = np.divide(sums, sizes, out=np.full_like(sums, np.inf), where=sizes > 0)
    inside = sums[rows, own] / np.maximum(sizes[own] - 1, 1)  # its distance to itself is 0
    means[rows, own] = np.inf
    outside = means.min(axis=1)
    larger = np.maximum(inside, outside)
    values = np.divide(outside - inside, larger, out=np.zeros(len(chosen)), where=larger > 0)
    values[sizes[own] == 1] = 0
    return mean_by_cluster(values, own, k)


def balanced_sample(labels: NDArray[np.int64], count: int, seed: int, most: int | None = None) -> NDArray[np.int64]:
    """Rows of a random sample in which every cluster has a part.

    Shares follow the square root of the sizes, so that small clusters are seen and large ones still look large.

    Args:
        labels: cluster of each row, int64 `[N]`.
        count: rows wanted; all are taken where there are no more.
        seed: of the sample.
        most: rows of one cluster at most.

    Returns:
        Ascending, int64 `[at most count]`; with a count below the number of clusters, the largest clusters' only.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    sizes = np.bincount(labels, minlength=1)
    limits = np.minimum(sizes, len(labels) if most is None else most)
    # A row's turn is its rank in its cluster over the root of the cluster's size: the first `count` turns are taken.
    turns = np.empty(len(labels))
    for number in np.flatnonzero(sizes):
        members = order[labels[order] == number]
        ranks = np.arange(len(members), dtype=np.float64)
        # Every cluster's first row comes before any second one.
        turns[members] = np.where(ranks == 0, -sizes[number], ranks / np.sqrt(sizes[number]))
        turns[members[limits[number] :]] = np.inf
    taken = np.argsort(turns, kind="stable")[:count]
    return np.sort(taken[np.isfinite(turns[taken])])
