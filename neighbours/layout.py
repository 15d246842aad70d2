"""Vectors on a plane, so that those who look alike lie together: t-SNE after PCA."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

COMPONENTS = 50
PERPLEXITY = 30.0
STEPS = 500  # of the demo logos' ten nearest, 53 % are then among the ten nearest on the plane, as after 1,000 steps
FEWEST = 5  # t-SNE of fewer vectors says nothing
SPACING = 0.7  # least distance, as a share of that of a full grid
GOLDEN = math.pi * (3 - math.sqrt(5))


def lay_out(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Place vectors on the unit square by t-SNE (van der Maaten & Hinton 2008) of their principal components.

    It runs on one thread, as k-means does: the places depend on the order of sums. Only who is near whom means
    something; distances between groups, their sizes and the axes do not.

    Args:
        vectors: unit vectors `[N, D]`, at most a few thousand: 2,000 take about seven seconds.
        seed: of the descent.

    Returns:
        x and y, `[N, 2]`, each from 0 to 1. Fewer than five vectors, or equal ones, lie on the diagonal.
    """
    n = len(vectors)
    if n < FEWEST or np.ptp(vectors, axis=0).max() == 0:
        return np.repeat(((np.arange(n) + 0.5) / max(n, 1))[:, None], 2, axis=1)
    with threadpool_limits(limits=1):
        components = PCA(min(COMPONENTS, n, vectors.shape[1]), svd_solver="full").fit_transform(vectors)
        perplexity = min(PERPLEXITY, (n - 1) / 3)
        plane = TSNE(perplexity=perplexity, init="pca", max_iter=STEPS, random_state=seed % 2**32).fit_transform(
            components
        )
    return push_apart(_fill(plane.astype(np.float64)))


def push_apart(plane: NDArray[np.float64], rounds: int = 60) -> NDArray[np.float64]:
    """Move points that lie too close for their pictures to be seen apart, as little as it takes.

    Args:
        plane: x and y in 0..1, `[N, 2]`.
        rounds: at most; each moves every pair that is too close by a quarter of what is missing, to both sides.

    Returns:
        x and y in 0..1, `[N, 2]`.
    """
    wanted = SPACING / math.sqrt(max(len(plane), 1))
    angles = GOLDEN * np.arange(len(plane))
    # Equal points have no direction in which to part: each gets one of its own.
    plane = plane + 1e-6 * wanted * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for _ in range(rounds):
        pairs = cKDTree(plane).query_pairs(wanted, output_type="ndarray")
        if not len(pairs):
            break
        first, second = pairs[np.lexsort(pairs.T)].T
        apart = plane[first] - plane[second]
        distance = np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-12)
        push = apart / distance * (wanted - distance) / 4
        for axis in range(2):
            plane[:, axis] += np.bincount(first, push[:, axis], minlength=len(plane))
            plane[:, axis] -= np.bincount(second, push[:, axis], minlength=len(plane))
    return _fill(plane)


def _fill(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stretch both axes to 0..1."""
    plane = plane - plane.min(axis=0)
    return np.asarray(plane / np.maximum(plane.max(axis=0), 1e-12))
