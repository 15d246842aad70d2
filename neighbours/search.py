"""Exact nearest neighbours of unit vectors, by FAISS."""

from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Neighbours:
    """The nearest vectors of each query, most similar first.

    Attributes:
        indices: rows of the vectors searched, int64 `[Q, k]`.
        similarities: cosines, float32 `[Q, k]`; Euclidean distance is `sqrt(2 - 2 cosine)`.
    """

    indices: NDArray[np.int64]
    similarities: NDArray[np.float32]


def search(vectors: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> Neighbours:
    """The k nearest of the vectors for each query.

    Args:
        vectors: unit vectors `[N, D]`.
        queries: unit vectors `[Q, D]`.
        k: neighbours wanted; fewer come back when there are fewer vectors.
    """
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, np.float32))
    similarities, indices = index.search(np.ascontiguousarray(queries, np.float32), min(k, len(vectors)))
    return Neighbours(indices, similarities)


def self_join(vectors: NDArray[np.float32], k: int) -> Neighbours:
    """The k nearest other vectors of each vector, `[N, D]` unit vectors; a vector is never its own neighbour."""
    n = len(vectors)
    found = search(vectors, vectors, k + 1)
    own = found.indices == np.arange(n)[:, None]
    own[~own.any(axis=1), -1] = True  # among many equal vectors a row may miss itself: drop the last instead
    return Neighbours(found.indices[~own].reshape(n, -1), found.similarities[~own].reshape(n, -1))
